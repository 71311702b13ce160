package abuse

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// What is wrong with AMF values, in commands, metadata and shared objects.

const deep = 10_000

// amf0Bombs are values of AMF0 that ask for more than they bring.
func amf0Bombs() map[string][]byte {
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	return map[string][]byte{
		"nested objects":       bytes.Repeat([]byte{3, 0, 1, 'a'}, deep),
		"nested arrays":        bytes.Repeat([]byte{10, 0, 0, 0, 1}, 70_000),
		"nested ECMA arrays":   bytes.Repeat([]byte{8, 0, 0, 0, 1, 0, 1, 'a'}, deep),
		"nested typed objects": bytes.Repeat([]byte{16, 0, 1, 'c', 0, 1, 'a'}, deep),
		"array count":          append([]byte{10}, huge...),
		"ECMA array count":     append([]byte{8}, huge...),
		"long string":          append(append([]byte{12}, huge...), "short"...),
		"XML length":           append(append([]byte{15}, huge...), "<a/>"...),
		"string cut off":       {2, 0xff, 0xff, 'a'},
		"many elements":        append([]byte{10, 0, 1, 0x86, 0xa0}, bytes.Repeat([]byte{5}, 100_000)...),
		"circular reference":   {3, 0, 1, 'a', 7, 0, 0, 0, 0, 9},
		"reference to nothing": {7, 0xff, 0xff},
		"NaN":                  binary.BigEndian.AppendUint64([]byte{0}, math.Float64bits(math.NaN())),
		"infinity":             binary.BigEndian.AppendUint64([]byte{0}, math.Float64bits(math.Inf(1))),
		"reserved marker":      {4},
		"recordset":            {14},
		"marker unknown":       {0x7f},
		"object without end":   {3, 0, 1, 'a'},
		"object ends oddly":    {3, 0, 0, 5},
	}
}

// amf3Bombs are the same in AMF3.
func amf3Bombs() map[string][]byte {
	most := []byte{0xbf, 0xff, 0xff, 0xff} // the largest U29
	with := func(marker byte, rest ...byte) []byte { return append(append([]byte{marker}, most...), rest...) }
	return map[string][]byte{
		"string longer than the message": with(6, 'a'),
		"string reference to nothing":    {6, 0x7e},
		"array count":                    with(9, 1),
		"byte array length":              with(12),
		"XML length":                     with(11),
		"XML with an entity":             append([]byte{11, 2*60 + 1}, fmt.Sprintf("%-60s", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>&b;`)...),
		"vector count":                   with(13, 0),
		"vector of objects":              with(16, 0, 1),
		"dictionary count":               with(17, 0),
		"absurd property count":          append([]byte{10}, 0xff, 0xff, 0xff, 0xfb, 1),
		"traits reference to nothing":    {10, 0x7d},
		"object reference to nothing":    {10, 0x7e},
		"externalizable":                 {10, 0x07, 3, 'x', 1, 2, 3},
		"circular array":                 {9, 3, 1, 9, 0},
		"circular object":                {10, 0x0b, 1, 3, 'a', 10, 0, 1},
		"nested arrays":                  bytes.Repeat([]byte{9, 3, 1}, deep),
		"nested objects":                 bytes.Repeat([]byte{10, 0x0b, 1, 3, 'a'}, deep),
		"U29 cut off":                    {4, 0xff, 0xff},
		"marker unknown":                 {0x42},
		"typed object":                   append([]byte{10, 0x03, 0x21}, "java.lang.Runtime"...),
	}
}

// feedValues sends a value wherever a peer may send one: as argument and object of commands, as their name and transaction ID, as
// metadata and data, and in shared objects. It reports whether the connection is still there.
func feedValues(p *peer, value []byte) bool {
	name := func(s string) []byte { return amf.AppendString(nil, s) }
	number := amf.AppendNumber(nil, 7)
	null := amf.AppendNull(nil)
	for _, m := range []struct {
		typ  message.Type
		msid uint32
		body []byte
	}{
		{message.TypeCommandAMF0, 0, slices.Concat(name("nonsense"), number, null, value)},
		{message.TypeCommandAMF0, 0, slices.Concat(name("createStream"), number, value)},
		{message.TypeCommandAMF0, 0, slices.Concat(name("releaseStream"), value)},
		{message.TypeCommandAMF0, 0, value},
		{message.TypeCommandAMF0, 7, slices.Concat(name("play"), number, null, value, value)},
		{message.TypeCommandAMF0, 0, slices.Concat(name("deleteStream"), number, null, append(slices.Clip(value), 0))},
		{message.TypeDataAMF0, 1, slices.Concat(name("@setDataFrame"), name("onMetaData"), value)},
		{message.TypeDataAMF0, 1, slices.Concat(name("onTextData"), value)},
		{message.TypeDataAMF0, 1, value},
		{message.TypeDataAMF3, 1, append([]byte{0}, value...)},
		{message.TypeSharedObjectAMF0, 0, slices.Concat([]byte{0, 1, 'o', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{1, 0, 0, 0, 0}, []byte{3}, binary.BigEndian.AppendUint32(nil, uint32(3+len(value))), []byte{0, 1, 's'}, value)},
	} {
		if !p.raw(m.typ, m.msid, 0, m.body) {
			return false
		}
	}
	return true
}

// TestAMF0Bombs: values cost no more than their bytes, and the stream that they are sent with goes on.
func TestAMF0Bombs(t *testing.T) { bombs(t, amf0Bombs()) }

// TestAMF3Bombs: the same for AMF3 inside AMF0, which messages of type 17 hold as well.
func TestAMF3Bombs(t *testing.T) {
	values := amf3Bombs()
	for name, value := range values {
		values[name] = append([]byte{17}, value...)
	}
	bombs(t, values)
}

func bombs(t *testing.T, values map[string][]byte) {
	t.Helper()
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			publisher, player := h.publish("bombs"), h.play("bombs")
			timestamp := uint32(0)
			for name, value := range values {
				start := time.Now()
				timestamp += 40
				if !feedValues(publisher, value) || !publisher.raw(message.TypeCommandAMF3, 0, 0, append([]byte{0}, value...)) {
					t.Fatalf("%s: the connection was closed", name)
				}
				publisher.video(timestamp, keyFrame)
				player.until("the frame behind "+name, func(m *chunk.Message) bool {
					return message.Type(m.Type) == message.TypeVideo && m.Timestamp == timestamp
				})
				if took := time.Since(start); took > h.healthy.allow(100*time.Millisecond) {
					t.Errorf("%s took %v", name, took)
				}
			}
		},
	})
}

// TestSharedObjectBombs: malformed shared objects are ignored, and there is a limit on how many a connection uses.
func TestSharedObjectBombs(t *testing.T) {
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.CommandsPerSecond = 10_000 },
		do: func(_ *testing.T, h *house) {
			p := h.publish("objects")
			whole, err := message.Append(nil, &message.SharedObject{Name: "object", Events: []message.SharedObjectEvent{
				{Type: message.SharedObjectUse}, {Type: message.SharedObjectRequestChange, Slots: []message.Slot{{Name: "a", Value: "b"}}},
			}})
			if err != nil {
				p.t.Fatal(err)
			}
			for n := range whole {
				p.raw(message.TypeSharedObjectAMF0, 0, 0, whole[:n])
				p.raw(message.TypeSharedObjectAMF3, 0, 0, append([]byte{0}, whole[:n]...))
				broken := slices.Clone(whole)
				broken[n] = 0xff
				p.raw(message.TypeSharedObjectAMF0, 0, 0, broken)
			}
			for i := range 500 {
				p.send(0, &message.SharedObject{Name: fmt.Sprintf("object-%d", i), Events: []message.SharedObjectEvent{{Type: message.SharedObjectUse}}})
			}
			p.until("a refusal of the last", func(m *chunk.Message) bool {
				return message.Type(m.Type) == message.TypeSharedObjectAMF0 && bytes.Contains(m.Body, []byte("object-499")) &&
					bytes.Contains(m.Body, []byte("SharedObject.ObjectCreationFailed"))
			})
			p.command(0, "createStream", 99, nil)
			p.answer("_result", 99)
		},
	})
}
