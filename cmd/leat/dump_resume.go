package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"leat/amf"
	"leat/flv"
	"leat/media"
)

// resumption is where a file that is to be completed stands, and what the stream must begin with to fit.
type resumption struct {
	file     *os.File
	metadata []byte
	duration float64 // that it says, seconds; 0: none
	frame    flv.Tag // the last key frame, or the last audio of a file without video
	end      int64   // position behind its body

	found   bool // the frame has come
	past    bool // so has what follows it
	ignored int
	offset  uint32 // of the stream's times to those of the file
}

// errNoFit says that the stream is not the one in the file, or does not begin where it ends.
var errNoFit = errors.New("the stream does not fit the file")

// Sizes of the parts of a tag, bytes.
const (
	tagHeader = 11
	tagTail   = 4
)

// maxIgnored is how many messages may come before the frame that was asked for.
const maxIgnored = 50

// openResumption looks for the last key frame but skip. It returns nil for a file that is to be begun anew: there is none, or it
// ends with its first frame.
func openResumption(name string, skip int) (*resumption, error) {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &resumption{file: file}
	again, err := r.scan(skip)
	if err != nil || !again {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// scan reads the file's tags up to where it was cut off, and reports whether there is something to go on from.
func (r *resumption) scan(skip int) (bool, error) {
	in := flv.NewReader(r.file)
	header, err := in.Header()
	switch {
	case errors.Is(err, io.EOF):
		return false, nil
	case err != nil:
		return false, err
	case !header.Audio && !header.Video:
		return false, errors.New("its header says that it holds neither audio nor video")
	}
	type place struct {
		tag flv.Tag
		end int64
	}
	var last []place // key frames
	for at := int64(fileHeader); ; {
		tag, err := in.ReadTag()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return false, err
		}
		end := at + tagHeader + int64(len(tag.Body))
		if tag.Type == flv.TagScript && r.metadata == nil {
			if m, ok := parseMetadata(tag.Body); ok {
				r.metadata, r.duration = tag.Body, m.duration
			}
		}
		if canResumeAt(tag, header.Video) {
			if last = append(last, place{tag, end}); len(last) > skip+1 {
				last = last[1:]
			}
		}
		at = end + tagTail
	}
	if len(last) <= skip {
		return false, fmt.Errorf("it holds fewer than %d key frames", skip+1)
	}
	r.frame, r.end = last[0].tag, last[0].end
	r.offset = r.frame.Timestamp
	return r.frame.Timestamp > 0, nil
}

func canResumeAt(tag flv.Tag, hasVideo bool) bool {
	const keyFrame = 1
	if hasVideo {
		return tag.Type == flv.TagVideo && len(tag.Body) > 0 && tag.Body[0]>>4 == keyFrame
	}
	return tag.Type == flv.TagAudio
}

// takes reports whether a message follows what the file holds. Servers number messages from 0 where they begin to play;
// nginx-rtmp sends the times of the file.
func (r *resumption) takes(p *media.Packet) (bool, error) {
	at := uint32(p.Timestamp.Milliseconds())
	if r.past {
		return true, nil
	}
	first := at == 0 || at == r.frame.Timestamp
	if p.Kind == media.Data && first && r.metadata != nil {
		if _, ok := parseMetadata(p.Body); ok && !bytes.Equal(p.Body, r.metadata) {
			return false, errNoFit
		}
	}
	if !r.found {
		if first && flv.PacketTag(p) == r.frame.Type && bytes.Equal(p.Body, r.frame.Body) {
			r.offset = r.frame.Timestamp - at
			r.found = true
			return false, r.cut()
		}
		if r.ignored++; r.ignored > maxIgnored {
			return false, errNoFit
		}
		return false, nil
	}
	r.past = at+r.offset > r.frame.Timestamp
	return r.past, nil
}

// cut takes off the file what follows its frame, to write from there.
func (r *resumption) cut() error {
	if err := r.file.Truncate(r.end); err != nil {
		return &outputError{err}
	}
	tail := binary.BigEndian.AppendUint32(nil, uint32(tagHeader+len(r.frame.Body)))
	if _, err := r.file.WriteAt(tail, r.end); err != nil {
		return &outputError{err}
	}
	if _, err := r.file.Seek(0, io.SeekEnd); err != nil {
		return &outputError{err}
	}
	return nil
}

// metadata is what librtmp looks at in onMetaData.
type metadata struct {
	duration     float64 // seconds; 0: not said
	audio, video bool    // there is a property whose name begins so
}

// parseMetadata reads a data message, if it is an onMetaData.
func parseMetadata(body []byte) (metadata, bool) {
	values, err := amf.Decode(body, amf.Limits{})
	if len(values) < 2 || values[0] != media.NameMetadata {
		return metadata{}, false
	}
	o, ok := values[1].(*amf.Object)
	if !ok || err != nil {
		return metadata{}, true
	}
	var m metadata
	if d, ok := o.Number("duration"); ok && d > 0 && !math.IsInf(d, 1) {
		m.duration = d
	}
	for _, member := range o.Members {
		m.audio = m.audio || len(member.Name) >= 5 && member.Name[:5] == "audio"
		m.video = m.video || len(member.Name) >= 5 && member.Name[:5] == "video"
	}
	return m, true
}
