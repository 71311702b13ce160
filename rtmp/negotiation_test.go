package rtmp_test

import (
	"context"
	"encoding/hex"
	"log/slog"
	"slices"
	"testing"

	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// connectFunc is a server that looks at connect.
type connectFunc struct {
	relay
	fn func(*rtmp.ConnectRequest)
}

func (h *connectFunc) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	h.fn(r)
	return nil
}

// TestCapabilitiesBothWays looks at what the two ends say of themselves: a client that announces nothing is not told
// anything new.
func TestCapabilitiesBothWays(t *testing.T) {
	asked := make(chan rtmp.Capabilities, 1)
	srv := rtmptest.NewServer(t, &connectFunc{fn: func(r *rtmp.ConnectRequest) { asked <- r.Capabilities }})

	c := srv.Dial(t, "/live", nil)
	if got := <-asked; !slices.Equal(got.FourCCList, []string{"*"}) || got.VideoInfo["*"]&rtmp.CanDecode == 0 || got.CapsEx&rtmp.CapsReconnect != 0 {
		t.Errorf("the client announces %+v", got)
	}
	if got := c.Capabilities(); got.AudioInfo["*"] != rtmp.CanForward || got.CapsEx != 15 || got.VideoFunction != 15 {
		t.Errorf("the server answers %+v", got)
	}

	c = srv.Dial(t, "/live", &rtmp.DialConfig{Capabilities: &rtmp.Capabilities{}})
	if got := <-asked; got.Announced() {
		t.Errorf("the client announces %+v, want nothing", got)
	}
	_, info := c.ServerProperties()
	for _, name := range []string{"fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx", "videoFunction"} {
		if v, ok := info.Get(name); ok {
			t.Errorf("the answer to an old client holds %s: %v", name, v)
		}
	}

	srv.Dial(t, "/live", &rtmp.DialConfig{OnReconnect: func(*rtmp.Conn, *rtmp.ReconnectRequest) {}})
	if got := <-asked; got.CapsEx&rtmp.CapsReconnect == 0 {
		t.Error("a client that obeys reconnect requests does not say so")
	}
}

// TestPublishersAreHeard lets clients publish that announce nothing, as OBS does, and to servers that say little.
func TestPublishersAreHeard(t *testing.T) {
	stream := []string{"v 0 97 02 07a120 00 68766331 0101", "v 0 96 03 68766331 01 aa", "v 0 90 76703039 01"}
	nothing := func(*rtmp.ConnectRequest) {}
	tests := []struct {
		name   string
		reply  func(*rtmp.ConnectRequest)
		client rtmp.DialConfig
		want   []string
	}{
		{"to leat", nothing, rtmp.DialConfig{}, []string{"97 02 07a120 00 68766331 0101", "96 03 68766331 01 aa", "90 76703039 01"}},
		{
			"without negotiation", nothing,
			rtmp.DialConfig{Capabilities: &rtmp.Capabilities{}},
			[]string{"90 68766331 0101", "96 03 68766331 01 aa", "90 76703039 01"},
		},
		{
			"by old numbers", nothing,
			rtmp.DialConfig{Capabilities: &rtmp.Capabilities{}, LegacyCodecs: true},
			[]string{"1c 00 000000 0101", "96 03 68766331 01 aa", "1f 00 000000 01"},
		},
		{
			"to a server of version 1", func(r *rtmp.ConnectRequest) {
				r.Reply.Delete("videoFourCcInfoMap")
				r.Reply.Delete("capsEx")
				r.Reply.Set("fourCcList", []any{"hvc1"})
			},
			rtmp.DialConfig{},
			[]string{"90 68766331 0101"},
		},
		{
			"to Red5", func(r *rtmp.ConnectRequest) {
				r.Reply.Delete("capsEx")
				r.Reply.Set("CapsEx", 4.0)
			},
			rtmp.DialConfig{},
			[]string{"97 02 07a120 00 68766331 0101", "90 76703039 01"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := make(chan []*media.Packet, 1)
			h := &connectFunc{fn: test.reply}
			h.publish = func(ctx context.Context, s *rtmp.PublishStream) error {
				var c collector
				_, err := media.Copy(ctx, &c, s)
				got <- c.packets
				return err
			}
			p, err := rtmptest.NewServer(t, h).Dial(t, "/live/cam", &test.client).Publish(t.Context(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, pkt := range messages(t, stream...) {
				if err := p.WritePacket(t.Context(), pkt); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, pkt := range <-got {
				texts = append(texts, hex.EncodeToString(pkt.Body))
			}
			if want := unspaced(test.want); !slices.Equal(texts, want) {
				t.Errorf("\n got %q\nwant %q", texts, want)
			}
		})
	}
}

func TestLegacyCodecsToOldPlayers(t *testing.T) {
	h := &relay{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		return s.WritePacket(ctx, messages(t, "v 0 90 68766331 0101")[0])
	}}
	srv := rtmptest.Start(t, &rtmp.Server{Handler: h, LegacyCodecs: true, Logger: slog.New(slog.DiscardHandler)})
	for _, test := range []struct {
		caps *rtmp.Capabilities
		want string
	}{{&rtmp.Capabilities{}, "1c000000000101"}, {nil, "90687663310101"}} {
		p, err := srv.Dial(t, "/live/cam", &rtmp.DialConfig{Capabilities: test.caps}).Play(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := bodies(t, p); !slices.Equal(got, []string{test.want}) {
			t.Errorf("%+v gets %q, want %s", test.caps, got, test.want)
		}
	}
}
