// Package mediatest helps to test what reads and writes media.Packet: small streams that real decoders accept, a
// comparison of packets, and a suite that checks an implementation of media.Reader or media.Writer against its
// contract.
//
// The streams are of real encoders and repeat after a second. They are the same in every run, and their timestamps
// are whole milliseconds, as RTMP and FLV have them:
//
//	AVC    onMetaData, H.264 High with B-frames in legacy tags, AAC-LC in legacy tags
//	HEVC   onMetaData, H.265 Main with B-frames in Enhanced RTMP, AAC-LC in legacy tags
//	AV1    onMetaData, AV1 Main and Opus, both in Enhanced RTMP
//	Opus   Opus in Enhanced RTMP, without video and metadata
//
// Every stream begins with its headers at time 0; the first video frame is a key frame. Decoding begins at 0, and
// presentation, where there are B-frames, at the first offset.
package mediatest
