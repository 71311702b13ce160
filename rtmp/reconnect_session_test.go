package rtmp_test

import (
	"context"
	"testing"

	"leat/amf"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// TestReconnect asks two clients to go elsewhere: the one that knows the request hears of it, also when it is a redirect, the other
// does not.
func TestReconnect(t *testing.T) {
	conns := make(chan *rtmp.Conn, 2)
	h := &relay{publish: func(ctx context.Context, s *rtmp.PublishStream) error {
		if err := s.Accept(); err != nil {
			return err
		}
		conns <- s.Conn()
		<-ctx.Done()
		return nil
	}}
	srv := rtmptest.NewServer(t, h)
	requests := make(chan *rtmp.ReconnectRequest, 1)
	obeys := srv.Dial(t, "/live/cam", &rtmp.DialConfig{OnReconnect: func(_ *rtmp.Conn, r *rtmp.ReconnectRequest) { requests <- r }})
	if _, err := obeys.Publish(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	c := <-conns
	if keys := c.Keys(); len(keys) != 1 || keys[0] != (media.Key{App: "live", Name: "cam"}) {
		t.Errorf("the connection has the streams %v", keys)
	}
	if !c.RequestReconnect("/other", "maintenance") {
		t.Error("the client was not asked")
	}
	r := <-requests
	if r.TCURL != "/other" || r.Description != "maintenance" || r.URL.App != "other" || r.URL.Name != "cam" || r.URL.Host != "rtmptest.invalid" {
		t.Errorf("the client was asked %+v at %+v", r, r.URL)
	}
	if !c.RequestReconnect("http://elsewhere/", "") || !c.RequestReconnect("", "again") { // the first is not usable
		t.Error("the client was not asked again")
	}
	if r := <-requests; r.TCURL != "" || r.URL.App != "live" {
		t.Errorf("the client was asked %+v at %+v", r, r.URL)
	}

	if err := c.Notify("onStatus", amf.NewObject(
		"level", "error", "code", string(rtmp.CodeConnectRejected), "description", "moved",
		"ex", amf.NewObject("code", 302.0, "redirect", "rtmp://other.invalid/home"),
	)); err != nil {
		t.Fatal(err)
	}
	if r := <-requests; r.Description != "moved" || r.URL.Host != "other.invalid" || r.URL.App != "home" || r.URL.Name != "cam" {
		t.Errorf("the client was sent to %+v at %+v", r, r.URL)
	}

	if _, err := srv.Dial(t, "/live/other", nil).Publish(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	if c := <-conns; c.RequestReconnect("", "") {
		t.Error("a client was asked that does not know the request")
	}
	if obeys.RequestReconnect("", "") || obeys.Keys() != nil {
		t.Error("a client's connection asked its server")
	}
}
