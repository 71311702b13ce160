package flv

import (
	"slices"

	"leat/amf"
	"leat/media"
)

// Members of onMetaData that are known at the end of a recording only.
const (
	memberDuration = "duration"
	memberFilesize = "filesize"
)

// Where the values of the totals stand in the body that metadataWithTotals makes.
const (
	durationAt = (3 + len(media.NameMetadata)) + (1 + 4) + (2 + len(memberDuration)) + 1
	filesizeAt = durationAt + 8 + (2 + len(memberFilesize)) + 1
)

// metadataWithTotals returns an onMetaData body whose first members are duration and filesize, both 0, followed by the
// members of the body that is given, if it has any. ok is false if a body cannot be decoded or would not fit a tag.
func metadataWithTotals(body []byte) (out []byte, ok bool) {
	o := amf.NewObject(memberDuration, 0.0, memberFilesize, 0.0)
	o.ECMA = true
	if len(body) > 0 {
		old, ok := decodeMetadata(body)
		if !ok {
			return nil, false
		}
		o.Members = append(o.Members, old.Members...)
	}
	return encodeMetadata(o)
}

// metadataWithoutTotals returns the body without duration and filesize, which would contradict those of the first
// onMetaData in the file. A body that cannot be decoded is returned as it is.
func metadataWithoutTotals(body []byte) []byte {
	if o, ok := decodeMetadata(body); ok {
		if out, ok := encodeMetadata(o); ok {
			return out
		}
	}
	return body
}

// decodeMetadata returns the members of an onMetaData body as an ECMA array without the totals.
func decodeMetadata(body []byte) (*amf.Object, bool) {
	vals, err := amf.Decode(body, amf.Limits{})
	if err != nil || len(vals) < 2 {
		return nil, false
	}
	old, ok := vals[1].(*amf.Object)
	if !ok {
		return nil, false
	}
	isTotal := func(m amf.Member) bool { return m.Name == memberDuration || m.Name == memberFilesize }
	return &amf.Object{ECMA: true, Members: slices.DeleteFunc(slices.Clone(old.Members), isTotal)}, true
}

func encodeMetadata(o *amf.Object) (body []byte, ok bool) {
	body, err := amf.Append(amf.AppendString(nil, media.NameMetadata), o)
	return body, err == nil && len(body) <= maxTagBody
}

// maxConverted bounds what convertAMF0 makes of a body: AMF3 values that refer to each other are as long as all of them when they are
// written out.
const maxConverted = 2 << 20

// AMF0Body returns the Body of a data packet for readers that know AMF0 only: its AMF3 values (marker 0x11) are written as AMF0. What
// AMF0 cannot express, or what cannot be decoded, leaves the body as it is. The result is not to be changed.
func AMF0Body(p *media.Packet) []byte {
	if !p.AMF3 {
		return p.Body
	}
	return convertAMF0(p.Body)
}

func convertAMF0(body []byte) []byte {
	vals, err := amf.Decode(body, amf.Limits{})
	if err != nil {
		return body
	}
	out := make([]byte, 0, len(body))
	for _, v := range vals {
		if out, err = amf.Append(out, v); err != nil || len(out) > maxConverted {
			return body
		}
	}
	return out
}
