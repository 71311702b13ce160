package abuse

import (
	"bytes"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/conversation"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// recordedSessions are what real programs said, and recordSession.
func recordedSessions(t *testing.T) [][]byte {
	t.Helper()
	all, err := conversation.Clients()
	if err != nil {
		t.Fatal(err)
	}
	sessions := [][]byte{recordSession(t)}
	for _, c := range all {
		sessions = append(sessions, slices.Concat(c.Handshake, slices.Concat(c.Edit(nil, nil)...)))
	}
	return sessions
}

// recordSession is all that a client sends that publishes, plays and calls, from C0 on.
func recordSession(t *testing.T) []byte {
	t.Helper()
	p := newPeer(t, nil)
	b := handshake.NewClient(handshake.ClientConfig{Rand: bytes.NewReader(make([]byte, 4<<10))}).Start()
	b = append(b, make([]byte, 1536)...)
	add := func(streamID uint32, m message.Message) {
		body, err := message.Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, p.encode(m.Type(), streamID, 0, body)...)
	}
	command := func(streamID uint32, name string, object any, args ...any) {
		add(streamID, &message.Command{Name: name, TransactionID: 2, Object: object, Args: args})
	}
	add(0, &message.SetChunkSize{Size: 200})
	command(0, "connect", amf.NewObject("app", "live", "tcUrl", "rtmp://localhost/live", "objectEncoding", 3.0))
	add(0, &message.WindowAckSize{Size: 5000})
	command(0, "releaseStream", nil, "mutated")
	command(0, "FCPublish", nil, "mutated")
	command(0, "createStream", nil)
	command(1, "publish", nil, "mutated", "live")
	metadata, err := amf.AppendValues(nil, "@setDataFrame", "onMetaData", amf.NewObject("width", 1280.0, "videocodecid", "avc1"))
	if err != nil {
		t.Fatal(err)
	}
	add(1, &message.Data{Body: metadata})
	for _, header := range enhancedHeaders() {
		b = append(b, p.encode(message.TypeVideo, 1, 40, header)...)
		b = append(b, p.encode(message.TypeAudio, 1, 0xfffffe, header)...)
	}
	aggregate, err := message.AppendAggregate(nil, message.Sub{Type: message.TypeVideo, Body: interFrame}, message.Sub{Type: message.TypeAudio, Body: audioFrame})
	if err != nil {
		t.Fatal(err)
	}
	add(1, &message.Aggregate{Body: aggregate})
	add(0, &message.SharedObject{Name: "mutated", Events: []message.SharedObjectEvent{{Type: message.SharedObjectUse}}})
	add(0, &message.SharedObject{Name: "mutated", Events: []message.SharedObjectEvent{
		{Type: message.SharedObjectRequestChange, Slots: []message.Slot{{Name: "a", Value: []any{1.0, "b"}}}},
	}})
	for _, value := range amf3Bombs() {
		b = append(b, p.encode(message.TypeCommandAMF3, 0, 0, append(amf.AppendNumber(amf.AppendString([]byte{0}, "call"), 3), append([]byte{17}, value[:min(len(value), 200)]...)...))...)
	}
	command(0, "createStream", nil)
	command(2, "play", nil, "mutated", -1000.0)
	add(0, &message.UserControl{Event: message.EventSetBufferLength, Value: 2, BufferLength: 3000})
	command(2, "pause", nil, true, 0.0)
	command(2, "pause", nil, false, 0.0)
	command(2, "receiveVideo", nil, false)
	add(0, &message.UserControl{Event: message.EventPingRequest, Value: 7})
	add(0, &message.SetPeerBandwidth{Size: 100_000, Limit: message.LimitHard})
	add(0, &message.Acknowledgement{SequenceNumber: 3000})
	command(0, "FCUnpublish", nil, "mutated")
	command(0, "deleteStream", nil, 1.0)
	return b
}

// mutate returns b with some of its bytes changed, left out, doubled or cut off. It leaves the handshake alone three times of four:
// what comes behind it is more interesting.
func mutate(random *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	from := 3073
	if random.IntN(4) == 0 {
		from = 0
	}
	for range 1 + random.IntN(8) {
		i := from + random.IntN(len(b)-from)
		switch random.IntN(6) {
		case 0:
			b[i] ^= 1 << random.IntN(8)
		case 1:
			b[i] = byte(random.Uint32())
		case 2:
			b[i] = []byte{0, 0x7f, 0x80, 0xff}[random.IntN(4)]
		case 3: // leave out
			end := min(len(b), i+1+random.IntN(16))
			b = append(b[:i], b[end:]...)
		case 4: // double
			end := min(len(b), i+1+random.IntN(64))
			b = append(b[:end:end], b[i:]...)
		case 5:
			if random.IntN(4) == 0 {
				b = b[:i]
			}
		}
		if len(b) <= from+1 {
			return b
		}
	}
	return b
}

// mutated runs a mutated session to its end. The server may close it at any point.
func mutated(random *rand.Rand, nc net.Conn, session []byte) {
	defer nc.Close()
	if nc.SetDeadline(time.Now().Add(patience)) != nil {
		return
	}
	read := make(chan struct{})
	go func() { // ends with the connection
		defer close(read)
		buf := make([]byte, 4<<10)
		for {
			if _, err := nc.Read(buf); err != nil {
				return
			}
		}
	}()
	b := mutate(random, session)
	cut := random.IntN(len(b) + 1)
	if _, err := nc.Write(b[:cut]); err == nil {
		_, _ = nc.Write(b[cut:]) // it does not matter how far it comes
	}
	if t, ok := nc.(*net.TCPConn); ok && random.IntN(2) == 0 {
		_ = t.CloseWrite() // likewise
	} else {
		nc.Close()
	}
	<-read
}

// TestMutate: recorded sessions with random damage, of several seeds. TestSoak runs thousands more.
func TestMutate(t *testing.T) {
	const seeds, sessions = 4, 60
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			all := recordedSessions(t)
			done := make(chan struct{})
			for seed := range uint64(seeds) {
				go func() { // ends with its sessions
					defer func() { done <- struct{}{} }()
					random := rand.New(rand.NewPCG(seed, 0))
					for range sessions {
						nc, err := net.Dial("tcp", h.node.Addr("rtmp").String())
						if err != nil {
							t.Error(err)
							return
						}
						mutated(random, nc, all[random.IntN(len(all))])
					}
				}()
			}
			for range seeds {
				<-done
			}
		},
	})
}
