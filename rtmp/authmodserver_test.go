package rtmp

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// users is a UserStore: passwords by "app/user".
type users map[string]string

func (u users) Password(_ context.Context, app, user string) (string, bool, error) {
	password, ok := u[app+"/"+user]
	return password, ok, nil
}

// converse plays the client's side until it is accepted or gives up, and returns the apps it connected with.
func converse(t *testing.T, a *Authmod, app, user, password string) (apps []string, result AuthResult, err error) {
	t.Helper()
	for range 5 {
		apps = append(apps, app)
		result, err = a.Authenticate(t.Context(), app)
		if err != nil || result.Description == "" {
			return apps, result, err
		}
		suffix, err := authmodReply(result.Description, app, user, password, rand.Reader)
		if err != nil {
			return apps, result, err
		}
		app += suffix
	}
	t.Fatalf("no end after %q", apps)
	return nil, AuthResult{}, nil
}

func TestAuthmodRounds(t *testing.T) {
	store := users{"live/alice": "secret", "live/a+b c%20": "p&w?"}
	for _, mode := range []AuthMode{"", AuthAdobe, AuthLLNW} {
		for _, app := range []string{"live", "live/", "live/_definst_", "live/room?token=x/y", "live?k=v"} {
			a := &Authmod{Users: store, Mode: mode}
			for user, password := range map[string]string{"alice": "secret", "a+b c%20": "p&w?"} {
				apps, result, err := converse(t, a, app, user, password)
				if err != nil || result.User != user || len(apps) != 3 {
					t.Errorf("%s, %s as %s: %+v, %v after %q", mode, app, user, result, err, apps)
				}
			}
			for _, c := range [][2]string{{"alice", "wrong"}, {"bob", "secret"}, {"bob", "x"}} {
				apps, result, err := converse(t, a, app, c[0], c[1])
				if !errors.Is(err, ErrAuthFailed) || result.User != "" || len(apps) != 3 {
					t.Errorf("%s, %s as %s: %+v, %v after %q", mode, app, c[0], result, err, apps)
				}
			}
		}
	}
}

func TestAuthmodTexts(t *testing.T) {
	a := &Authmod{Users: users{}, Rand: rand.Reader}
	const first = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "
	for _, app := range []string{"live", "live?authmod=llnw&user=u", "live?authmod=adobe", "live?authmod=adobe&user=", "live?authmod=adobe&user=" + strings.Repeat("u", maxAuthUser+1)} {
		got, err := a.Authenticate(t.Context(), app)
		if err != nil || got != (AuthResult{Description: first}) {
			t.Errorf("%.40s: %+v, %v", app, got, err)
		}
	}
	got, err := a.Authenticate(t.Context(), "live?authmod=adobe&user=u")
	const second = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=u&salt="
	if err != nil || !strings.HasPrefix(got.Description, second) {
		t.Errorf("round 2: %+v, %v", got, err)
	}
	if strings.ContainsAny(got.Description[len(second):], "+/%? ") {
		t.Errorf("round 2 needs escapes: %s", got.Description)
	}
	got, err = a.Authenticate(t.Context(), "live?authmod=adobe&user=u&challenge=c&response=r&opaque=o")
	if err != nil || got.Description != "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=o" {
		t.Errorf("failure: %+v, %v", got, err)
	}
	a = &Authmod{Users: users{}, Mode: AuthLLNW}
	got, err = a.Authenticate(t.Context(), "live?authmod=llnw&user=u&nonce=n&response=r")
	if err != nil || got.Description != "[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=authfail" {
		t.Errorf("failure, llnw: %+v, %v", got, err)
	}
}

// librtmp of 2012 leaves out padding in what it hashes and takes opaque and challenge.
func TestAuthmodTakesLibrtmp2012(t *testing.T) {
	a := &Authmod{Users: users{"live/alice": "secret"}}
	app := "live?authmod=adobe&user=alice"
	result, err := a.Authenticate(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	_, request, _ := strings.Cut(result.Description, "?")
	p := splitParams(request)
	const own = "AQIDBA=="
	app += "&challenge=" + own + "&response=" + adobeResponse2012("alice", p["salt"], "secret", p["opaque"], p["challenge"], own) + "&opaque=" + p["opaque"]
	if result, err = a.Authenticate(t.Context(), app); err != nil || result.User != "alice" {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestAuthmodChallengeIsGoodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Authmod{Users: users{"live/alice": "secret"}, MaxAnswered: 2, Lifetime: 10 * time.Second}
		answered := func() string {
			apps, result, err := converse(t, a, "live", "alice", "secret")
			if err != nil || result.User != "alice" {
				t.Fatalf("%+v, %v", result, err)
			}
			return apps[len(apps)-1]
		}
		refused := func(app, why string) {
			t.Helper()
			if result, err := a.Authenticate(t.Context(), app); err != nil || result.Description == "" {
				t.Errorf("accepted %s: %+v, %v", why, result, err)
			}
		}
		app := answered()
		refused(app, "a second time")
		refused(strings.Replace(app, "user=alice", "user=bob", 1), "for another user")
		refused(strings.Replace(app, "&opaque=", "&opaque=A", 1), "with another challenge")

		answered() // the table of two is full now
		if _, _, err := converse(t, a, "live", "alice", "secret"); !errors.Is(err, ErrAuthFailed) {
			t.Errorf("with a full table: %v", err)
		}
		time.Sleep(10 * time.Second)
		refused(app, "after its time")
		answered()
		if len(a.answered) != 1 {
			t.Errorf("%d answered challenges are kept, want 1", len(a.answered))
		}
	})
}

func TestAuthmodChallengeRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Authmod{Users: users{"live/alice": "secret"}}
		app := "live?authmod=adobe&user=alice"
		result, err := a.Authenticate(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		suffix, err := authmodReply(result.Description, app, "alice", "secret", rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if result, err = a.Authenticate(t.Context(), app+suffix); err != nil || result.Description == "" {
			t.Errorf("accepted after a minute: %+v, %v", result, err)
		}
	})
}

func TestAuthmodSharedKey(t *testing.T) {
	store := users{"live/alice": "secret"}
	a, b := &Authmod{Users: store, Key: []byte("key")}, &Authmod{Users: store, Key: []byte("key")}
	app := "live?authmod=adobe&user=alice"
	result, err := a.Authenticate(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	suffix, err := authmodReply(result.Description, app, "alice", "secret", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if result, err = b.Authenticate(t.Context(), app+suffix); err != nil || result.User != "alice" {
		t.Errorf("%+v, %v", result, err)
	}
}

type failingStore struct{ err error }

func (s failingStore) Password(context.Context, string, string) (string, bool, error) {
	return "", false, s.err
}

func TestAuthmodErrors(t *testing.T) {
	errStore := errors.New("the store is away")
	const (
		round2 = "live?authmod=adobe&user=alice"
		round3 = round2 + "&challenge=c&response=r&opaque=o"
	)
	tests := []struct {
		name string
		a    Authmod
		app  string
		want error
	}{
		{"store", Authmod{Users: failingStore{errStore}}, round3, errStore},
		{"name", Authmod{Users: users{}}, "live\n", ErrName},
		{"key", Authmod{Users: users{}, Rand: strings.NewReader("short")}, round2, io.ErrUnexpectedEOF},
		{"key in round 3", Authmod{Users: users{}, Rand: iotest.ErrReader(io.ErrClosedPipe)}, round3, io.ErrClosedPipe},
		{"challenge", Authmod{Users: users{}, Rand: bytes.NewReader(make([]byte, 33))}, round2, io.ErrUnexpectedEOF},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			if got, err := tt.a.Authenticate(t.Context(), tt.app); !errors.Is(err, tt.want) {
				t.Errorf("got %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func FuzzAuthmod(f *testing.F) {
	f.Add("live?authmod=adobe&user=alice&challenge=c&response=r&opaque=o")
	f.Add("live?authmod=adobe&user=alice")
	a := &Authmod{Users: users{"live/alice": "secret"}}
	f.Fuzz(func(t *testing.T, app string) {
		if result, err := a.Authenticate(t.Context(), app); err == nil && result.Description == "" {
			t.Fatalf("%q is accepted: %+v", app, result)
		}
	})
}
