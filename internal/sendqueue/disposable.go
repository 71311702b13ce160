package sendqueue

import "leat/media"

// configure takes note of what a sequence header says of the track's NAL units.
func (t *track) configure(p *media.Packet) {
	if p.Name != "" {
		return
	}
	t.lengthSize = 0
	switch {
	case p.Codec == media.CodecAVC && len(p.Data) > 4: // ISO 14496-15 5.3.3.1
		t.lengthSize = int(p.Data[4]&3) + 1
	case p.Codec == media.CodecHEVC && len(p.Data) > 21: // ISO 14496-15 8.3.3.1
		t.lengthSize = int(p.Data[21]&3) + 1
	}
}

// isDisposable reports whether no other frame needs p. Encoders of H.264 and H.265 rarely say so in the FLV frame type; it stands in
// the headers of the NAL units: nal_ref_idc 0 (ISO 14496-10 7.4.1), and a sub-layer non-reference picture (ISO 23008-2 7.4.2.2).
func (t *track) isDisposable(p *media.Packet) bool {
	if p.Disposable || p.Key {
		return p.Disposable && !p.Key
	}
	if t.lengthSize == 0 {
		return false
	}
	slices := 0
	for b := p.Data; len(b) > t.lengthSize; {
		size := uint(0)
		for _, v := range b[:t.lengthSize] {
			size = size<<8 | uint(v)
		}
		b = b[t.lengthSize:]
		if size == 0 || size > uint(len(b)) {
			return false
		}
		isSlice, isReference := nalUnit(p.Codec, b[0])
		if isSlice {
			slices++
		}
		if isSlice && isReference {
			return false
		}
		b = b[size:]
	}
	return slices > 0
}

// nalUnit says whether a NAL unit that begins with b holds picture data, and of a picture that others refer to.
func nalUnit(codec media.FourCC, b byte) (isSlice, isReference bool) {
	if codec == media.CodecHEVC {
		kind := b >> 1 & 0x3f
		return kind < 32, kind > 14 || kind%2 == 1
	}
	kind := b & 0x1f
	return kind >= 1 && kind <= 5, b>>5&3 != 0
}
