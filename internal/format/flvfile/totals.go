package flvfile

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"leat/amf"
	"leat/media"
)

// indexRoom is how much of a new file is set aside for the keyframes object: 1,800 key frames, an hour of one every two
// seconds. A longer recording lists every second one of them, or every fourth and so on.
const indexRoom = 32 << 10

// totals is what is known at the end of a recording only.
type totals struct {
	duration time.Duration
	size     int64
	keys     keyIndex
	steady   bool // the headers before the first frame are in force in the whole file
}

type keyFrame struct {
	at     time.Duration
	offset int64
}

// keyIndex lists key frames, thinned out evenly so that there are never more than maxKeys.
type keyIndex struct {
	list []keyFrame
	step int // every step-th one is listed; 0 means 1
	skip int // so many more are left out
}

const maxKeys = 4096

func (x *keyIndex) add(k keyFrame) {
	if n := len(x.list); n > 0 && k.at <= x.list[n-1].at {
		return
	}
	if x.skip > 0 {
		x.skip--
		return
	}
	x.step = max(x.step, 1)
	x.list = append(x.list, k)
	x.skip = x.step - 1
	if len(x.list) == maxKeys { // an even number: k is the first of those that are left out now
		x.list = everySecond(x.list)
		x.step *= 2
	}
}

func everySecond(keys []keyFrame) []keyFrame {
	half := make([]keyFrame, 0, maxKeys)
	for i := 0; i < len(keys); i += 2 {
		half = append(half, keys[i])
	}
	return half
}

// Members that appendMetadata writes itself.
const (
	memberDuration  = "duration"
	memberFilesize  = "filesize"
	memberKeyFrames = "keyframes"
	memberPositions = "filepositions"
	memberTimes     = "times"
	memberSteady    = "steady" // of ours: totals.steady
	memberPadding   = "padding"
)

func isTotal(m amf.Member) bool {
	return m.Name == memberDuration || m.Name == memberFilesize || m.Name == memberKeyFrames
}

// membersOf returns what else an onMetaData says; nil when it cannot be decoded.
func membersOf(p *media.Packet) []amf.Member {
	values, err := amf.Decode(p.Data, amf.Limits{})
	if o, ok := first(values).(*amf.Object); ok && err == nil {
		return slices.DeleteFunc(slices.Clone(o.Members), isTotal)
	}
	return nil
}

// withoutTotals returns an onMetaData that does not contradict the first one of the file.
func withoutTotals(p *media.Packet) *media.Packet {
	o := amf.NewObject()
	o.ECMA, o.Members = true, membersOf(p)
	body, err := amf.Append(amf.AppendString(nil, media.NameMetadata), o)
	if err != nil || len(o.Members) == 0 {
		return p
	}
	return &media.Packet{Kind: media.Data, Name: p.Name, Body: body}
}

// AMF0 markers (AMF0 2.1).
const (
	markerNumber      = 0x00
	markerBoolean     = 0x01
	markerString      = 0x02
	markerObject      = 0x03
	markerObjectEnd   = 0x09
	markerStrictArray = 0x0a
)

// appendMetadata appends the body of an onMetaData of exactly size bytes: the totals, the members, and padding. The
// totals come first, at fixed places, and keyframes last, so that a body half overwritten by another one of the same
// members is damaged in keyframes only. A size of 0 means as short as possible, without key frames. It returns nil when
// the members have no form in AMF0 or do not fit.
func appendMetadata(dst []byte, members []amf.Member, t *totals, size int) []byte {
	o := amf.NewObject(memberDuration, t.duration.Seconds(), memberFilesize, float64(t.size))
	o.ECMA = true
	o.Members = append(o.Members, members...)
	body, err := amf.Append(amf.AppendString(dst, media.NameMetadata), o)
	if err != nil {
		return nil
	}
	if len(body) == size { // there never was room for more
		return body
	}
	countAt := len(dst) + 3 + len(media.NameMetadata) + 1
	binary.BigEndian.PutUint32(body[countAt:], uint32(len(o.Members)+1))
	body = body[:len(body)-3] // the end of the array comes behind keyframes
	keys := t.keys.list
	if size == 0 {
		return appendKeyFrames(body, nil, t.steady, 0)
	}
	for empty := len(appendKeyFrames(slices.Clip(body), nil, t.steady, 0)); ; keys = everySecond(keys) {
		if padding := size - empty - 18*len(keys); padding >= 0 {
			return appendKeyFrames(body, keys, t.steady, padding)
		}
		if len(keys) == 0 {
			return nil
		}
		if len(keys) == 1 {
			keys = nil
		}
	}
}

// appendKeyFrames appends the member keyframes and the end of the array around it.
func appendKeyFrames(dst []byte, keys []keyFrame, steady bool, padding int) []byte {
	dst = append(appendName(dst, memberKeyFrames), markerObject)
	dst = binary.BigEndian.AppendUint32(append(appendName(dst, memberPositions), markerStrictArray), uint32(len(keys)))
	for _, k := range keys {
		dst = appendNumber(dst, float64(k.offset))
	}
	dst = binary.BigEndian.AppendUint32(append(appendName(dst, memberTimes), markerStrictArray), uint32(len(keys)))
	for _, k := range keys {
		dst = appendNumber(dst, k.at.Seconds())
	}
	dst = append(appendName(dst, memberSteady), markerBoolean, 0)
	if steady {
		dst[len(dst)-1] = 1
	}
	dst = appendPadding(dst, padding)
	return append(dst, 0, 0, markerObjectEnd, 0, 0, markerObjectEnd)
}

// maxPadding is how long a member is that fills room: FFmpeg gives up on strings of 1024 bytes, and on all long ones.
const maxPadding = 1000

// appendPadding appends members without a meaning, that have n bytes more than an empty one.
func appendPadding(dst []byte, n int) []byte {
	const empty = 2 + len(memberPadding) + 3
	for {
		part := n
		if n > maxPadding {
			part = min(maxPadding, n-empty) // leaves room for another
		}
		dst = binary.BigEndian.AppendUint16(append(appendName(dst, memberPadding), markerString), uint16(part))
		dst = append(dst, bytes.Repeat([]byte{' '}, part)...)
		if n == part {
			return dst
		}
		n -= part + empty
	}
}

func appendName(dst []byte, name string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(name))), name...)
}

func appendNumber(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, markerNumber), math.Float64bits(v))
}

// salvage returns the members of an onMetaData body whose keyframes are damaged.
func salvage(body []byte) []amf.Member {
	mark := append(appendName(nil, memberKeyFrames), markerObject)
	before, _, ok := bytes.Cut(body, mark)
	if !ok {
		return nil
	}
	whole := append(slices.Clip(before), 0, 0, markerObjectEnd)
	values, err := amf.Decode(whole, amf.Limits{})
	if err != nil || len(values) < 2 {
		return nil
	}
	o, ok := values[1].(*amf.Object)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(o.Members), isTotal)
}
