package main

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/hostile"
	"leat/internal/wire/message"
	"leat/rtmp/rtmptest"
)

// cutter is a listener whose connections break when the server has sent so many bytes.
type cutter struct {
	*rtmptest.Listener

	at int64
}

func (l *cutter) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.at == 0 {
		return rtmptest.NewFault(nc, rtmptest.FaultConfig{CutWrite: -1}), nil
	}
	return rtmptest.NewFault(nc, rtmptest.FaultConfig{CutWrite: l.at}), nil
}

// courtesy is what a server does that does all that is right, step by step.
var courtesy = []func(c *hostile.Conn){
	(*hostile.Conn).Handshake,
	func(c *hostile.Conn) {
		c.Raw(message.TypeWindowAckSize, 0, []byte{0, 0x26, 0x25, 0xa0})
		c.Raw(message.TypeSetPeerBandwidth, 0, []byte{0, 0x26, 0x25, 0xa0, 2})
		c.Raw(message.TypeSetChunkSize, 0, []byte{0, 0, 1, 0})
		c.Connect()
	},
	(*hostile.Conn).CreateStream,
	func(c *hostile.Conn) {
		c.Raw(message.TypeUserControl, 0, []byte{0, 0, 0, 0, 0, 1}) // StreamBegin
		c.Start()
	},
	func(c *hostile.Conn) { c.Media(120 * time.Millisecond) },
	func(c *hostile.Conn) {
		if !c.Publishes {
			c.Status("status", "NetStream.Play.UnpublishNotify")
		}
	},
	func(c *hostile.Conn) {
		if !c.Publishes {
			c.Raw(message.TypeUserControl, 0, []byte{0, 1, 0, 0, 0, 1}) // StreamEOF
		}
	},
}

// TestCutServers: a good conversation that breaks off behind any byte of the server ends each verb at once, with the exit code and the
// sentence of the step that was not completed.
func TestCutServers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cam.flv")
	if err := createFLV(file, time.Second); err != nil {
		t.Fatal(err)
	}
	const url = "rtmp://server/live/cam?token=sesame"
	out := filepath.Join(dir, "out.flv")
	tests := []struct {
		args  []string
		codes []string // that are right for a cut in each step of courtesy
	}{
		{[]string{"publish", "--retry", "0", file, url}, []string{"3", "3", "4", "4"}},
		{[]string{"play", "-o", out, url}, []string{"3", "3", "4", "4", "12", "2", "0"}},
		{[]string{"dump", "-r", url, "-o", out}, []string{"3", "1", "1", "1", "10", "0", "0"}},
		{[]string{"probe", url}, []string{"3", "3", "4", "4", "12", "2", "0"}},
	}
	for _, test := range tests {
		t.Run(test.args[0], func(t *testing.T) {
			t.Parallel()
			ends, _ := cut(t, test.args, 1<<40)
			begin := int64(0)
			for step, codes := range test.codes {
				for _, at := range cuts(begin, ends[step]) {
					_, got := cut(t, test.args, at)
					if !strings.Contains(codes, string(rune('0'+got.code))) || got.took > 3*time.Second {
						t.Errorf("cut behind byte %d, in step %d: code %d after %v, want one of %s; it said %s", at, step, got.code, got.took, codes, got.said)
					}
					if test.args[0] != "dump" && got.code != exitDone && !isClear(got.said) || strings.Contains(got.said, "sesame") {
						t.Errorf("cut behind byte %d, it is not one clear line without secrets: %q", at, got.said)
					}
				}
				begin = ends[step]
			}
		})
	}
}

// cuts returns where a step is cut off: at both ends, and behind each 7th byte, but not so often in a handshake.
func cuts(begin, end int64) []int64 {
	stride := int64(7)
	if end-begin > 3000 {
		stride = 193
	}
	var at []int64
	for i := begin; i < end; i++ {
		if i < begin+3 || i > end-3 || i%stride == 0 {
			at = append(at, i)
		}
	}
	return at
}

// ended is how a verb has ended.
type ended struct {
	code int
	said string
	took time.Duration
}

// cut runs a verb against a server of all courtesy whose connection breaks behind so many bytes. ends are how many it had sent behind
// each step.
func cut(t *testing.T, args []string, at int64) (ends []int64, got ended) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &cutter{Listener: rtmptest.NewListener(), at: at}
		s := hostile.Serve(l, func(c *hostile.Conn) {
			for _, do := range courtesy {
				do(c)
				ends = append(ends, c.Sent())
			}
			c.Hold()
		})
		begun := time.Now()
		got.code, got.said = runOn(t, l.Listener, args)
		got.took = time.Since(begun)
		s.Close()
	})
	return slices.Clone(ends), got
}
