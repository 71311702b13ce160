package amf

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// smallMessage codes the compact messages of LCDS and BlazeDS, class by class of their inheritance: each part is
// a run of flag bytes that say which members follow, then those members as AMF3 values in the order of the bits.
type smallMessage []messagePart

// messagePart holds the members of one class, as bits of its flag bytes from the lowest up. A member whose name ends
// in "Bytes" is another form, 16 bytes, of the UUID that the member without the suffix holds as text.
type messagePart [][]string

var (
	abstractPart = messagePart{
		{"body", "clientId", "destination", "headers", "messageId", "timestamp", "timeToLive"},
		{"clientIdBytes", "messageIdBytes"},
	}
	asyncPart       = messagePart{{"correlationId", "correlationIdBytes"}}
	acknowledgePart = messagePart{{}}
	commandPart     = messagePart{{"operation"}}
)

const (
	moreFlags    = 0x80 // another flag byte follows
	skippedBits  = 6    // bits below this one that have no name announce a value all the same
	maxFlagBytes = 8    // two are defined
	bytesSuffix  = "Bytes"
)

func (parts smallMessage) ReadExternal(in *DataInput) (any, error) {
	o := &Object{}
	for _, part := range parts {
		if err := part.read(in, o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (p messagePart) read(in *DataInput, o *Object) error {
	flags, err := readFlags(in)
	if err != nil {
		return err
	}
	for i, set := range flags {
		var names []string
		if i < len(p) {
			names = p[i]
		}
		for bit := range max(len(names), skippedBits) {
			if set>>bit&1 == 0 {
				continue
			}
			v, err := in.Object()
			if err != nil {
				return err
			}
			if bit < len(names) {
				o.Members = append(o.Members, textMember(names[bit], v))
			}
		}
	}
	return nil
}

func readFlags(in *DataInput) ([]byte, error) {
	var flags []byte
	for len(flags) < maxFlagBytes {
		b, err := in.Byte()
		if err != nil {
			return nil, err
		}
		flags = append(flags, b)
		if b&moreFlags == 0 {
			return flags, nil
		}
	}
	return nil, in.d.syntaxError("more than %d flag bytes in a small message", maxFlagBytes)
}

// textMember turns the 16 bytes of a UUID into its text. What has another form is kept.
func textMember(name string, v any) Member {
	if b, ok := v.([]byte); ok && len(b) == 16 && strings.HasSuffix(name, bytesSuffix) {
		return Member{Name: strings.TrimSuffix(name, bytesSuffix), Value: formatUUID(b)}
	}
	return Member{Name: name, Value: v}
}

func (parts smallMessage) WriteExternal(out *DataOutput, v any) error {
	o, ok := v.(*Object)
	if !ok || o == nil {
		return fmt.Errorf("value of a small message is %T, not *Object", v)
	}
	for _, part := range parts {
		if err := part.write(out, o); err != nil {
			return err
		}
	}
	return nil
}

func (p messagePart) write(out *DataOutput, o *Object) error {
	flags := make([]byte, len(p))
	var values []any
	last := 0
	for i, names := range p {
		for bit, name := range names {
			if v, ok := o.flagged(name); ok {
				flags[i] |= 1 << bit
				values = append(values, v)
				last = i
			}
		}
	}
	for i := range last {
		flags[i] |= moreFlags
	}
	out.Bytes(flags[:last+1])
	for _, v := range values {
		if err := out.Object(v); err != nil {
			return err
		}
	}
	return nil
}

// flagged returns the value to write for a member. A UUID goes to the member with the suffix, and only there.
func (o *Object) flagged(name string) (any, bool) {
	v, ok := o.Get(name)
	if base, isBytes := strings.CutSuffix(name, bytesSuffix); isBytes {
		if id := parseUUID(o.Text(base)); id != nil {
			return id, true
		}
		return v, ok
	}
	switch name {
	case "clientId", "messageId", "correlationId":
		return v, ok && parseUUID(o.Text(name)) == nil
	}
	return v, ok
}

// formatUUID writes 16 bytes as upper-case text, 8-4-4-4-12.
func formatUUID(b []byte) string {
	s := strings.ToUpper(hex.EncodeToString(b))
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// parseUUID returns the bytes of what formatUUID has written, nil for any other text.
func parseUUID(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 || formatUUID(b) != s {
		return nil
	}
	return b
}
