package rtc

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Limits of an offer.
const (
	maxSections = 16
	maxCodecs   = 512
)

// offer is a session description that was checked.
type offer struct {
	text   string // without candidates
	ufrag  string
	codecs []offered
}

// offered is a codec that the peer knows.
type offered struct {
	kind     string // "audio" or "video"
	payload  uint8  // type
	name     string // in lower case: h264, opus
	clock    uint32
	channels uint16
	fmtp     string
}

// parameter returns a value of the format parameters; "" when it is not there.
func (o *offered) parameter(name string) string {
	for part := range strings.SplitSeq(o.fmtp, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// parseOffer reads an offer. The error is a *Refusal.
func parseOffer(text string) (*offer, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, refuse(http.StatusBadRequest, "The offer is no session description.")
	}
	if len(d.MediaDescriptions) > maxSections {
		return nil, refuse(http.StatusBadRequest, "The offer has %d media sections; %d are enough.", len(d.MediaDescriptions), maxSections)
	}
	o := &offer{text: withoutCandidates(text), ufrag: attribute(text, "ice-ufrag")}
	if o.ufrag == "" || attribute(text, "ice-pwd") == "" || attribute(text, "fingerprint") == "" {
		return nil, refuse(http.StatusBadRequest, "The offer lacks ice-ufrag, ice-pwd or fingerprint: it is none of WebRTC.")
	}
	for _, m := range d.MediaDescriptions {
		if kind := m.MediaName.Media; kind == "audio" || kind == "video" {
			o.codecs = append(o.codecs, codecsOf(kind, m)...)
		}
		if len(o.codecs) > maxCodecs {
			return nil, refuse(http.StatusBadRequest, "The offer has more than %d codecs.", maxCodecs)
		}
	}
	if len(o.codecs) == 0 {
		return nil, refuse(http.StatusBadRequest, "The offer has neither audio nor video.")
	}
	return o, nil
}

// codecsOf reads the codecs of a section, in the order of the peer's preference.
func codecsOf(kind string, m *sdp.MediaDescription) []offered {
	names, formats := map[string]string{}, map[string]string{} // by payload type
	for _, a := range m.Attributes {
		payload, rest, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap":
			names[payload] = rest
		case "fmtp":
			formats[payload] = rest
		}
	}
	var codecs []offered
	for _, payload := range m.MediaName.Formats {
		number, err := strconv.ParseUint(payload, 10, 7)
		encoding := strings.Split(names[payload], "/") // name/clock[/channels]
		if err != nil || len(encoding) < 2 {
			continue
		}
		clock, err := strconv.ParseUint(encoding[1], 10, 32)
		if err != nil {
			continue
		}
		codec := offered{kind: kind, payload: uint8(number), name: strings.ToLower(encoding[0]), clock: uint32(clock), fmtp: formats[payload]}
		if len(encoding) > 2 {
			if channels, err := strconv.ParseUint(encoding[2], 10, 8); err == nil {
				codec.channels = uint16(channels)
			}
		}
		codecs = append(codecs, codec)
	}
	return codecs
}

// withoutCandidates takes the peer's addresses out.
func withoutCandidates(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "a=candidate:") && !strings.HasPrefix(line, "a=end-of-candidates") {
			b.WriteString(line)
		}
	}
	return b.String()
}
