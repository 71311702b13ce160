package record

import (
	"encoding/binary"
	"net/http"
	"slices"
	"testing"
	"time"

	detect "leat/internal/format/container"
	"leat/internal/store"
	"leat/media"
	"leat/media/mediatest"
)

// Playing two seconds from the middle of a recording of 50 MB reads a small part of the object.
func TestRemoteSeekReadsLittle(t *testing.T) {
	packets := mediatest.AVC(50 * time.Second)
	filler := append(binary.BigEndian.AppendUint32(nil, 40000), make([]byte, 40000)...) // one more slice
	filler[4] = 0x41
	for i, p := range packets {
		if p.Kind == media.Video && !p.Config {
			large := *p
			large.Body = append(slices.Clone(p.Body), filler...)
			large.Data = large.Body[len(p.Body)-len(p.Data):]
			packets[i] = &large
		}
	}
	for _, format := range []Format{FLV, MP4} {
		t.Run(string(format), func(t *testing.T) {
			server, bucket := remote(t)
			s := newStudio(t, nil, func(o *Options) { o.Store = bucket }, nil)
			s.record(t, Spec{Format: format}, packets)
			info := s.awaitPlace(t, store.Stored, true)
			source, err := s.OpenSegment(&info)
			if err != nil {
				t.Fatal(err)
			}
			file, err := detect.OpenIndexed(source)
			if err != nil {
				t.Fatal(err)
			}
			opened, _ := server.Sent(http.MethodGet)
			c := file.NewCursor()
			if _, err := c.Seek(25 * time.Second); err != nil {
				t.Fatal(err)
			}
			for {
				p, err := c.ReadPacket(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if p.Timestamp > 27*time.Second {
					break
				}
			}
			sent, requests := server.Sent(http.MethodGet)
			t.Logf("%d bytes: %d for the index, %d in all, in %d requests", info.Size, opened, sent, requests)
			if info.Size < 50_000_000 || sent > info.Size/6 {
				t.Errorf("%d of %d bytes were read in %d requests", sent, info.Size, requests)
			}
		})
	}
}
