//go:build interop

package interop

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/flv"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
	"leat/media"
	"leat/rtmp"
)

// stage is a server that plays a scene to one client, message by message, and keeps what the client says.
type stage struct {
	nc    net.Conn
	in    *chunk.Reader
	queue []*chunk.Message // has come, and nobody has waited for it
	out   *chunk.Writer

	packets []*media.Packet
	heard   []string
	deaf    bool // has said goodbye: what comes now is of no use to a server
}

// errScene ends a scene that did not go as it was written.
var errScene = errors.New("the client did not do what the scene expects")

// perform serves the next connection: the scene, and then whatever the client says until it hangs up.
func perform(l net.Listener, packets []*media.Packet, scene func(s *stage) error) ([]string, error) {
	nc, err := l.Accept()
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	s := &stage{nc: nc, in: chunk.NewReader(chunk.Limits{}), out: chunk.NewWriter(), packets: packets}
	if err := s.shake(); err != nil {
		return nil, err
	}
	if err := scene(s); err != nil && !errors.Is(err, errHungUp) {
		return s.heard, err
	}
	for {
		if _, err := s.next(); errors.Is(err, errHungUp) {
			return s.heard, nil
		} else if err != nil {
			return s.heard, err
		}
	}
}

// shake is the server's side of the handshake.
func (s *stage) shake() error {
	server := handshake.NewServer(handshake.ServerConfig{})
	var waits []byte
	for b := make([]byte, 4096); !server.Done(); {
		n, err := s.nc.Read(b)
		if err != nil {
			return err
		}
		waits = append(waits, b[:n]...)
		n, reply, err := server.Feed(waits)
		if err != nil {
			return err
		}
		waits = waits[n:]
		if _, err := s.nc.Write(reply); err != nil {
			return err
		}
	}
	return s.feed(waits)
}

func (s *stage) feed(b []byte) error {
	return s.in.Feed(b, func(m *chunk.Message) error {
		own := *m
		own.Body = bytes.Clone(m.Body)
		s.queue = append(s.queue, &own)
		return nil
	})
}

// errHungUp says that the client has closed the connection.
var errHungUp = errors.New("the client has hung up")

// next returns the next message of the client and writes it down. How often a client acknowledges is its own affair.
func (s *stage) next() (*chunk.Message, error) {
	for {
		for len(s.queue) == 0 {
			b := make([]byte, 4096)
			n, err := s.nc.Read(b)
			if failed := s.feed(b[:n]); failed != nil {
				return nil, failed
			}
			timeout, isNet := errors.AsType[net.Error](err)
			switch {
			case isNet && timeout.Timeout():
				return nil, fmt.Errorf("%w: it says nothing more. It said\n%s", errScene, strings.Join(s.heard, "\n"))
			case err != nil && len(s.queue) == 0:
				return nil, errHungUp // with FIN or with RST
			}
		}
		m := s.queue[0]
		s.queue = s.queue[1:]
		if message.Type(m.Type) == message.TypeAcknowledgement {
			continue
		}
		if s.deaf {
			continue
		}
		body := bytes.ReplaceAll(m.Body, []byte(s.nc.LocalAddr().String()), []byte("ADDRESS")) // as long for both
		said := fmt.Sprintf("type %d, chunk stream %d, message stream %d:\n%s", m.Type, m.ChunkStreamID, m.StreamID, hex.Dump(body))
		s.heard = append(s.heard, said)
		return m, nil
	}
}

// await waits for a command and returns its transaction ID.
func (s *stage) await(name string) (float64, error) {
	for {
		m, err := s.next()
		if err != nil {
			return 0, fmt.Errorf("waiting for %s: %w", name, err)
		}
		parsed, err := message.Parse(message.Type(m.Type), m.Body, amf.Limits{})
		if c, ok := parsed.(*message.Command); ok && err == nil && c.Name == name {
			return c.TransactionID, nil
		}
	}
}

// awaitEvent waits for a User Control message.
func (s *stage) awaitEvent(e message.Event) error {
	for {
		m, err := s.next()
		if err != nil {
			return err
		}
		parsed, err := message.Parse(message.Type(m.Type), m.Body, amf.Limits{})
		if u, ok := parsed.(*message.UserControl); ok && err == nil && u.Event == e {
			return nil
		}
	}
}

// raw sends a message of any kind. Writing to a client that has gone is no failure: what it said counts.
func (s *stage) raw(msid uint32, kind message.Type, timestamp uint32, body []byte) error {
	csid := uint32(3)
	switch kind {
	case message.TypeUserControl, message.TypeSetChunkSize, message.TypeSetPeerBandwidth, message.TypeWindowAckSize:
		csid = 2
	case message.TypeAudio, message.TypeVideo, message.TypeDataAMF0, message.TypeAggregate:
		csid = 5
	}
	m := &chunk.Message{ChunkStreamID: csid, Timestamp: timestamp, Type: uint8(kind), StreamID: msid, Body: body}
	if _, err := s.nc.Write(s.out.AppendMessage(nil, m)); err != nil {
		return errHungUp
	}
	if kind == message.TypeSetChunkSize {
		parsed, err := message.Parse(kind, body, amf.Limits{})
		if err != nil {
			return err
		}
		s.out.SetChunkSize(parsed.(*message.SetChunkSize).Size)
	}
	return nil
}

// tell sends messages on stream 1, or those of the connection on stream 0.
func (s *stage) tell(all ...message.Message) error {
	for _, m := range all {
		body, err := message.Append(nil, m)
		if err != nil {
			return err
		}
		msid := uint32(1)
		switch m := m.(type) {
		case *message.Command:
			if m.Name != "onStatus" {
				msid = 0
			}
		default:
			msid = 0
		}
		if err := s.raw(msid, m.Type(), 0, body); err != nil {
			return err
		}
	}
	return nil
}

// call is a command that wants no answer.
func call(name string, args ...any) *message.Command {
	return &message.Command{Name: name, Args: args}
}

// answer answers a command.
func answer(id float64, object any, args ...any) *message.Command {
	return &message.Command{Name: "_result", TransactionID: id, Object: object, Args: args}
}

// onStatus is news of a stream.
func onStatus(code rtmp.Code) *message.Command {
	level := "status"
	if strings.Contains(string(code), "Failed") || strings.Contains(string(code), "NotFound") {
		level = "error"
	}
	return call("onStatus", amf.NewObject("level", level, "code", string(code), "description", "as the scene wants it"))
}

func event(e message.Event) *message.UserControl { return &message.UserControl{Event: e, Value: 1} }

// connected answers connect.
func (s *stage) connected() error {
	id, err := s.await("connect")
	if err != nil {
		return err
	}
	return s.tell(
		&message.WindowAckSize{Size: 2_500_000},
		&message.SetPeerBandwidth{Size: 2_500_000, Limit: message.LimitDynamic},
		answer(id, amf.NewObject("fmsVer", "FMS/3,5,7,7009", "capabilities", 31.0),
			amf.NewObject("level", "status", "code", "NetConnection.Connect.Success", "description", "Connection succeeded.", "objectEncoding", 0.0)))
}

// asked answers connect and createStream and returns the transaction ID of play.
func (s *stage) asked() (float64, error) {
	if err := s.connected(); err != nil {
		return 0, err
	}
	return s.askedAgain()
}

// askedAgain answers createStream and returns the transaction ID of play. The buffer length behind play has come then, too.
func (s *stage) askedAgain() (float64, error) {
	id, err := s.await("createStream")
	if err != nil {
		return 0, err
	}
	if err := s.tell(answer(id, nil, 1.0)); err != nil {
		return 0, err
	}
	if id, err = s.await("play"); err != nil {
		return 0, err
	}
	return id, s.awaitEvent(message.EventSetBufferLength)
}

// begun goes as far as the start of the play.
func (s *stage) begun() error {
	if _, err := s.asked(); err != nil {
		return err
	}
	return s.tell(event(message.EventStreamBegin), onStatus(rtmp.CodePlayStart))
}

// film sends the part of the recording from one time to another, with all that has no time at its begin. Times are those of
// the recording, less shift.
func (s *stage) film(from, to, shift time.Duration) error {
	for _, p := range s.packets {
		at := max(p.Timestamp, from)
		if p.Timestamp >= to || p.Timestamp < from && !p.Config {
			continue
		}
		if err := s.packet(p, at-shift); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) packet(p *media.Packet, at time.Duration) error {
	return s.raw(1, message.Type(flv.PacketTag(p)), uint32(at.Milliseconds()), p.Body)
}

// told are the lines of a program's output that scripts look for.
func told(p *process) []string {
	var lines []string
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		for part := range strings.SplitSeq(line, "\r") {
			for _, begin := range []string{
				"Connecting ...", "INFO: Connected", "Starting ", "Resuming ", "  in approximately", "Already Completed", "For duration", "Download ",
				"Couldn't resume", "#", "ERROR: Failed to resume", "INFO: Connection timed out",
			} {
				if strings.HasPrefix(part, begin) {
					part, _, _ = strings.Cut(part, " kB")        // rtmpdump forgets the duration when it goes on
					part, _, _ = strings.Cut(part, " Duration=") // and divides it by 1000 here
					lines = append(lines, part)
				}
			}
		}
	}
	return lines
}

// performed is what has become of a scene.
type performed struct {
	dumped
	heard []string // by the server
	told  []string // to the user
}

// performTo plays a scene to a program, which finds a file if before is not nil.
func performTo(t *testing.T, program, flags []string, before []byte, scene func(s *stage) error) performed {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out := filepath.Join(t.TempDir(), "out.flv")
	if before != nil {
		if err := os.WriteFile(out, before, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	packets := shortFilm(t)
	var result performed
	over := make(chan error, 1)
	go func() { // ends with the connection, or the listener
		var err error
		result.heard, err = perform(l, packets, scene)
		over <- err
	}()
	p := start(t, program[0], concat(program[1:], []string{"-r", "rtmp://" + l.Addr().String() + "/vod/film"}, flags, []string{"-o", out})...)
	dumped := finishDump(t, p, out)
	if err := <-over; err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	result.dumped, result.told = dumped, told(p)
	return result
}

// compareScene plays a scene to rtmpdump and to leat dump: both must say the same to the server and to the user, write the same
// file, and end with the same code. It returns what leat has done.
func compareScene(t *testing.T, flags []string, before []byte, code int, scene func(s *stage) error) performed {
	t.Helper()
	programs := dumpPrograms()
	want := performTo(t, programs["rtmpdump"], flags, before, scene)
	got := performTo(t, programs["leat dump"], flags, before, scene)
	if want.code != code {
		t.Errorf("rtmpdump ends with code %d, the scene's is %d", want.code, code)
	}
	compareEnds(t, flags, got, want)
	return got
}

// compareEnds compares what leat dump and rtmpdump have done with the same flags.
func compareEnds(t *testing.T, flags []string, got, want performed) {
	t.Helper()
	if got.code != want.code {
		t.Errorf("leat ends with code %d, rtmpdump with %d", got.code, want.code)
	}
	const headerFlags = 4 // rtmpdump leaves them empty with --start
	if slices.Contains(flags, "-A") && len(got.file) > headerFlags && len(want.file) > headerFlags {
		want.file[headerFlags] = got.file[headerFlags]
	}
	if !bytes.Equal(got.file, want.file) {
		t.Errorf("leat writes %d bytes, rtmpdump %d, and they differ", len(got.file), len(want.file))
	}
	compareLists(t, "leat says to the server", got.heard, want.heard)
	compareLists(t, "leat says to the user", got.told, want.told)
}

// compareLists reports the first difference.
func compareLists(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	const nothing = "nothing more"
	for i := range max(len(got), len(want)) {
		says, should := nothing, nothing
		if i < len(got) {
			says = got[i]
		}
		if i < len(want) {
			should = want[i]
		}
		if says != should {
			t.Errorf("%s\n%s\nand rtmpdump\n%s", what, says, should)
			return
		}
	}
}
