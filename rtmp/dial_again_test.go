package rtmp_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// doorman is a handler that decides about connect.
type doorman struct {
	publishAll
	connect func(ctx context.Context, r *rtmp.ConnectRequest) error
}

func newDoorman(connect func(context.Context, *rtmp.ConnectRequest) error) *doorman {
	return &doorman{publishAll: *newPublishAll(), connect: connect}
}

func (d *doorman) ServeConnect(ctx context.Context, r *rtmp.ConnectRequest) error {
	return d.connect(ctx, r)
}

// one is a store with one user.
type one struct{ user, password string }

func (o one) Password(_ context.Context, _, user string) (string, bool, error) {
	return o.password, user == o.user, nil
}

func TestAuthmodEndToEnd(t *testing.T) {
	for _, mode := range []rtmp.AuthMode{rtmp.AuthAdobe, rtmp.AuthLLNW} {
		auth := &rtmp.Authmod{Users: one{"alice", "s+cr=t"}, Mode: mode}
		users := make(chan string, 1)
		srv := rtmptest.NewServer(t, newDoorman(func(ctx context.Context, r *rtmp.ConnectRequest) error {
			result, err := auth.Authenticate(ctx, r.Object.Text("app"))
			if err != nil {
				return err
			}
			if result.Description != "" {
				return rtmp.Refuse(rtmp.CodeConnectRejected, "%s", result.Description)
			}
			users <- result.User
			return nil
		}))
		for _, tt := range []struct {
			name, user, password string
			want                 error
		}{
			{"right", "alice", "s+cr=t", nil},
			{"wrong password", "alice", "guess", rtmp.ErrAuthFailed},
			{"wrong user", "bob", "s+cr=t", rtmp.ErrAuthFailed},
			{"none", "", "", rtmp.ErrAuthRequired},
		} {
			t.Run(string(mode)+" "+tt.name, func(t *testing.T) {
				c, err := srv.TryDial(t.Context(), "/live/cam", &rtmp.DialConfig{User: tt.user, Password: tt.password})
				if !errors.Is(err, tt.want) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
				if err != nil {
					if _, ok := errors.AsType[*rtmp.StatusError](err); !ok {
						t.Errorf("%v holds no StatusError", err)
					}
					return
				}
				defer c.Close()
				if user := <-users; user != "alice" {
					t.Errorf("the server takes the client for %q", user)
				}
			})
		}
	}
}

func TestRedirects(t *testing.T) {
	connects := 0
	srv := rtmptest.NewServer(t, newDoorman(func(_ context.Context, r *rtmp.ConnectRequest) error {
		connects++
		if r.App == "home" {
			return nil
		}
		refusal := rtmp.Refuse(rtmp.CodeConnectRejected, "elsewhere")
		refusal.Redirect = map[string]string{
			"near": "/home", "far": rtmptest.URL + "/near", "loop": "/loop", "bad": "http://other/",
		}[r.App]
		return refusal
	}))
	for _, tt := range []struct {
		app      string
		cfg      rtmp.DialConfig
		connects int
		fails    string
	}{
		{"home", rtmp.DialConfig{}, 1, ""},
		{"near", rtmp.DialConfig{}, 2, ""},
		{"far", rtmp.DialConfig{App: "far"}, 3, ""},
		{"far", rtmp.DialConfig{MaxRedirects: 1}, 2, "more than 1 times"},
		{"near", rtmp.DialConfig{MaxRedirects: -1}, 1, "more than 0 times"},
		{"loop", rtmp.DialConfig{}, 6, "more than 5 times"},
		{"bad", rtmp.DialConfig{}, 1, "not usable"},
		{"nowhere", rtmp.DialConfig{}, 1, "elsewhere"},
	} {
		connects = 0
		c, err := srv.TryDial(t.Context(), "/"+tt.app+"/cam", &tt.cfg)
		switch {
		case err == nil && c.URL().Name != "cam":
			t.Errorf("%s: the stream is %q", tt.app, c.URL().Name)
		case err == nil && tt.fails != "", err != nil && (tt.fails == "" || !strings.Contains(err.Error(), tt.fails)):
			t.Errorf("%s: %v, want %q", tt.app, err, tt.fails)
		}
		if connects != tt.connects {
			t.Errorf("%s: %d connects, want %d", tt.app, connects, tt.connects)
		}
		if c != nil {
			c.Close()
		}
	}
}

func TestSecureTokenEndToEnd(t *testing.T) {
	srv := rtmptest.NewServer(t, newDoorman(func(_ context.Context, r *rtmp.ConnectRequest) error {
		r.Proof.Token = "#ed%0#w@1"
		return nil
	}))
	for _, tt := range []struct {
		token string
		works bool
	}{{"#ed%0#w@1", true}, {"another", false}, {"", false}} {
		p, err := srv.Dial(t, "/live/cam", &rtmp.DialConfig{Token: tt.token}).Publish(t.Context(), "", nil)
		if (err == nil) != tt.works {
			t.Errorf("key %q: %v", tt.token, err)
		}
		if err == nil {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSWFVerificationEndToEnd(t *testing.T) {
	swf, err := rtmp.HashSWF(bytes.NewReader([]byte("FWS\x0a\x14\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b")))
	if err != nil {
		t.Fatal(err)
	}
	other := swf
	other.Hash[0]++
	for _, tt := range []struct {
		name string
		swf  *rtmp.SWF
		ends string // why the server closes; "": it does not
		late bool
	}{
		{"right", &swf, "", false},
		{"wrong", &other, "none of the SWF files", false},
		{"unanswered", nil, "not answered in time", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, reasons := logLines()
				srv := rtmptest.Start(t, &rtmp.Server{Logger: logger, Handler: newDoorman(func(_ context.Context, r *rtmp.ConnectRequest) error {
					r.Proof = rtmp.Proof{SWFs: []rtmp.SWF{{}, swf}, Grace: 5 * time.Second}
					return nil
				})})
				c := srv.Dial(t, "/live/cam", &rtmp.DialConfig{SWF: tt.swf, Logger: slog.New(slog.DiscardHandler)})
				begin := time.Now()
				select {
				case <-c.Done():
				case <-time.After(20 * time.Second):
				}
				took := time.Since(begin)
				if tt.ends == "" {
					if took < 20*time.Second {
						t.Errorf("closed: %v", c.CloseReason())
					}
					return
				}
				if late := took >= 5*time.Second; late != tt.late || took >= 10*time.Second {
					t.Errorf("closed after %v", took)
				}
				synctest.Wait()
				if got := strings.Join(reasons.reasons(), "\n"); !strings.Contains(got, tt.ends) {
					t.Errorf("closed because %s, want %s", got, tt.ends)
				}
			})
		})
	}
}
