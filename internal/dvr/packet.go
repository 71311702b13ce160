package dvr

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	"leat/media"
)

// A packet lies in a segment as a head, its name and its body.
const headSize = 48

// The flags of a head.
const (
	flagConfig = 1 << iota
	flagKey
	flagDisposable
	flagAMF3
	flagData // there is a Data, and the head says where in the body
)

var errSegment = errors.New("dvr: a segment is damaged")

// head is what a segment says of a packet besides its name and body.
type head struct {
	body, name       int
	dataAt, dataSize int
	number           uint64
	flags            uint8
	packet           media.Packet // without Name, Body and Data
}

// size is what the packet takes in the segment.
func (h *head) size() int64 { return int64(headSize + h.name + h.body) }

// appendPacket appends a packet as it lies in a segment.
func appendPacket(dst []byte, p *media.Packet, number uint64) []byte {
	flags := uint8(0)
	for flag, on := range map[uint8]bool{
		flagConfig: p.Config, flagKey: p.Key, flagDisposable: p.Disposable, flagAMF3: p.AMF3, flagData: p.Data != nil,
	} {
		if on {
			flags |= flag
		}
	}
	dataAt := 0
	if p.Data != nil {
		if dataAt = placeOf(p.Data, p.Body); dataAt < 0 {
			dataAt, flags = 0, flags&^flagData
		}
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(p.Body)))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(p.Name)))
	dst = append(dst, byte(p.Kind), p.Track, flags, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(p.Codec))
	dst = binary.LittleEndian.AppendUint64(dst, number)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(p.Timestamp))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(p.Offset))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(dataAt))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(p.Data)))
	return append(append(dst, p.Name...), p.Body...)
}

// placeOf returns where in body data begins, which is a part of it; -1 if it is none. Nearly always both end in the same place.
func placeOf(data, body []byte) int {
	for _, at := range [...]int{len(body) - len(data), cap(body) - cap(data)} {
		if at >= 0 && at <= len(body)-len(data) && (len(data) == 0 || &body[at] == &data[0]) {
			return at
		}
	}
	return -1
}

// readHead reads the head at a place, in front of limit.
func readHead(in io.ReaderAt, at, limit int64) (head, error) {
	var b [headSize]byte
	if _, err := in.ReadAt(b[:], at); err != nil {
		return head{}, err
	}
	le := binary.LittleEndian
	h := head{
		body: int(le.Uint32(b[0:])), name: int(le.Uint16(b[4:])), flags: b[8], number: le.Uint64(b[16:]),
		dataAt: int(le.Uint32(b[40:])), dataSize: int(le.Uint32(b[44:])),
	}
	h.packet = media.Packet{
		Kind: media.Kind(b[6]), Track: b[7], Codec: media.FourCC(le.Uint32(b[12:])),
		Timestamp: time.Duration(le.Uint64(b[24:])), Offset: time.Duration(le.Uint64(b[32:])),
		Config: h.flags&flagConfig != 0, Key: h.flags&flagKey != 0, Disposable: h.flags&flagDisposable != 0, AMF3: h.flags&flagAMF3 != 0,
	}
	if h.body < 0 || h.size() > limit-at { // 32-bit machines
		return head{}, errSegment
	}
	return h, nil
}

// read returns the packet whose head is at a place.
func (h *head) read(in io.ReaderAt, at int64) (*media.Packet, error) {
	b := make([]byte, h.name+h.body)
	if _, err := in.ReadAt(b, at+headSize); err != nil && (len(b) > 0 || !errors.Is(err, io.EOF)) {
		return nil, err
	}
	p := h.packet
	p.Name, p.Body = string(b[:h.name]), b[h.name:]
	if h.flags&flagData != 0 {
		if h.dataAt < 0 || h.dataSize < 0 || h.dataAt > len(p.Body)-h.dataSize {
			return nil, errSegment
		}
		p.Data = p.Body[h.dataAt : h.dataAt+h.dataSize]
	}
	return &p, nil
}
