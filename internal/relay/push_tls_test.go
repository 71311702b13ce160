package relay

import (
	"crypto/tls"
	"encoding/pem"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

// TestPushByTLS: a certificate must be trusted and good for the name of the target.
func TestPushByTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // has a certificate for example.com
	certificates := web.TLS.Certificates
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}))
	web.Close()
	synctest.Test(t, func(t *testing.T) {
		n, k := newNetwork(), &sink{}
		n.tls = &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12}
		defer n.serve(t, "example.com", k)()
		defer n.serve(t, "other.test", &sink{})()
		s := n.station(t)
		defer s.close()
		pub, end := s.publish(cam,
			Target{Name: "good", URL: "rtmps://example.com/live", CA: ca},
			Target{Name: "another name", URL: "rtmps://other.test/live", CA: ca},
			Target{Name: "not trusted", URL: "rtmps://example.com/live"},
		)
		defer end()
		feed(t, pub, time.Second)
		sleep(time.Second)
		want := map[string]State{"good": StatePublishing, "another name": StateFailed, "not trusted": StateFailed}
		for _, status := range s.Pushes() {
			if status.State != want[status.Target] {
				t.Errorf("%s: %s (%s), want %s", status.Target, status.State, status.Error, want[status.Target])
			}
		}
		if len(k.got(0)) == 0 {
			t.Error("nothing came by TLS")
		}
		s.lines.want(t, "push refused", "certificate is valid for example.com", "not other.test")
		s.lines.want(t, "push refused", "authority that is trusted here or in ca_file")
	})
}

// TestPushIsMoved: a target that asks for a reconnect is obeyed, and nothing is lost.
func TestPushIsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, first, second := newNetwork(), &sink{}, &sink{}
		defer n.serve(t, "first", first)()
		defer n.serve(t, "second", second)()
		s := n.station(t)
		defer s.close()
		pub, end := s.publish(cam, Target{URL: "rtmp://first/live", Key: secret})
		defer end()
		asks := time.AfterFunc(1500*time.Millisecond, func() {
			first.mu.Lock()
			defer first.mu.Unlock()
			if !first.conn.RequestReconnect("rtmp://second/other", "maintenance") {
				t.Error("the push does not understand reconnect requests")
			}
		})
		defer asks.Stop()
		feed(t, pub, 4*time.Second)
		sleep(time.Second)
		if _, ended := first.count(); ended != 1 {
			t.Error("the stream was not ended at the first target")
		}
		if len(second.got(0)) == 0 || second.keys[0].App != "other" || second.keys[0].Name != secret {
			t.Errorf("%d packets came to the second target, as %v", len(second.got(0)), second.keys)
		}
		frames := func(packets []*media.Packet) []*media.Packet {
			return slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return p.Config })
		}
		got, want := frames(slices.Concat(first.got(0), second.got(0))), frames(mediatest.AVC(4*time.Second))
		for len(want) > 0 && mediatest.Diff(got[0], want[0]) != "" { // a push begins with a key frame
			want = want[1:]
		}
		if d := mediatest.DiffAll(got, want); d != "" {
			t.Error(d)
		}
	})
}
