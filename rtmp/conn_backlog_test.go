package rtmp

import (
	"crypto/rc4"
	"slices"
	"testing"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// TestBacklog congests a socket and looks at the order in which messages come out: control goes ahead of media that waits,
// what belongs to a stream stays in its place.
func TestBacklog(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		c := newConn(nopConn{}, nil, Limits{}.withDefaults(), discard)
		o := &c.out
		o.flushing = true // the test is the flusher
		var decrypt *rc4.Cipher
		if encrypted {
			key := []byte("sixteen byte key")
			var err error
			if o.cipher, err = rc4.NewCipher(key); err != nil {
				t.Fatal(err)
			}
			if decrypt, err = rc4.NewCipher(key); err != nil {
				t.Fatal(err)
			}
		}
		media := func(typ message.Type, n int) {
			m := chunk.Message{ChunkStreamID: csidVideo, Type: uint8(typ), StreamID: 1, Body: make([]byte, n)}
			err := o.writeMedia(t.Context(), func(dst []byte, size uint32) []byte { return chunk.AppendFull(dst, &m, size) })
			if err != nil {
				t.Fatal(err)
			}
		}
		control := func(streamID uint32, m message.Message) {
			if err := c.send(streamID, m); err != nil {
				t.Fatal(err)
			}
		}
		media(message.TypeVideo, congestion) // committed
		media(message.TypeVideo, 3*congestion)
		media(message.TypeAudio, 100)
		control(1, &message.Command{Name: "onStatus"})
		control(0, &message.UserControl{Event: message.EventStreamEOF, Value: 1})
		media(message.TypeVideo, 200)
		control(0, &message.SetChunkSize{Size: 4096})
		media(message.TypeAudio, 5000)
		control(0, &message.Acknowledgement{SequenceNumber: 1})
		control(0, &message.UserControl{Event: message.EventPingResponse})
		if n := o.pending(); n < 4*congestion {
			t.Errorf("%d bytes wait", n)
		}

		r := chunk.NewReader(chunk.Limits{})
		var got []message.Type
		for o.refill() {
			b := o.buf
			o.buf = nil
			if decrypt != nil {
				decrypt.XORKeyStream(b, b)
			}
			if err := r.Feed(b, func(m *chunk.Message) error { got = append(got, message.Type(m.Type)); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		want := []message.Type{
			message.TypeVideo, message.TypeAcknowledgement, message.TypeUserControl,
			message.TypeVideo, message.TypeAudio, message.TypeCommandAMF0, message.TypeUserControl,
			message.TypeVideo, message.TypeSetChunkSize, message.TypeAudio,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		if n := o.pending(); n != 0 || o.congested() {
			t.Errorf("%d bytes remain", n)
		}
	}
}
