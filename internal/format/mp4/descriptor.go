package mp4

// Tags of descriptors (ISO 14496-1 7.2.6).
const (
	tagES              = 0x03
	tagDecoderConfig   = 0x04
	tagDecoderSpecific = 0x05
)

// readESDS returns what the body of an esds box says of its decoder: the object type, and the DecoderSpecificInfo,
// which in AAC is the AudioSpecificConfig. The descriptors lie in each other:
//
//	03 ES_Descriptor: UI16 id, flags, what the flags announce
//	└ 04 DecoderConfigDescriptor: UI8 object type, 12 bytes
//	  └ 05 DecoderSpecificInfo
func readESDS(b []byte) (objectType uint8, specific []byte) {
	f := fields{b: b}
	f.full()
	f.b = findDescriptor(f.b, tagES)
	f.skip(2)
	flags := f.u8()
	if flags&0x80 != 0 { // dependsOn_ES_ID
		f.skip(2)
	}
	if flags&0x40 != 0 { // URL
		f.skip(int(f.u8()))
	}
	if flags&0x20 != 0 { // OCR_ES_Id
		f.skip(2)
	}
	f.b = findDescriptor(f.b, tagDecoderConfig)
	objectType = f.u8()
	f.skip(12)
	return objectType, findDescriptor(f.b, tagDecoderSpecific)
}

// findDescriptor returns the body of the first descriptor in b that has the tag, or nil. Lengths are written in groups
// of seven bits, the highest bit of a byte saying that another follows.
func findDescriptor(b []byte, tag uint8) []byte {
	f := fields{b: b}
	for len(f.b) > 0 {
		is := f.u8()
		size := 0
		for range 4 {
			c := f.u8()
			size = size<<7 | int(c&0x7f)
			if c&0x80 == 0 {
				break
			}
		}
		if body := f.bytes(min(size, len(f.b))); is == tag {
			return body
		}
	}
	return nil
}

// appendESDS appends the body of an esds box that readESDS reads. Without specific it has no DecoderSpecificInfo.
func appendESDS(dst []byte, objectType uint8, specific []byte) []byte {
	const (
		tagSLConfig = 0x06
		slMP4       = 2          // predefined: as in MP4 files
		audioStream = 5<<2 | 0x1 // stream type, and a reserved bit
	)
	decoder := append([]byte{objectType, audioStream}, make([]byte, 11)...) // sizes and rates are not known
	if specific != nil {
		decoder = appendDescriptor(decoder, tagDecoderSpecific, specific)
	}
	stream := []byte{0, 0, 0} // ES_ID in files, no flags
	stream = appendDescriptor(stream, tagDecoderConfig, decoder)
	stream = appendDescriptor(stream, tagSLConfig, []byte{slMP4})
	return appendDescriptor(append(dst, fullBox...), tagES, stream)
}

// appendDescriptor appends a descriptor with a length of four bytes.
func appendDescriptor(dst []byte, tag uint8, body []byte) []byte {
	n := len(body)
	dst = append(dst, tag, byte(n>>21)|0x80, byte(n>>14)|0x80, byte(n>>7)|0x80, byte(n)&0x7f)
	return append(dst, body...)
}
