package rtmp

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestAuthmodReply(t *testing.T) {
	const (
		reject  = "[ AccessManager.Reject ] : "
		request = "?reason=needauth&user=alice&salt=Sa1t&challenge=Cha==&opaque=OpAq=="
	)
	adobe := func(x string) string { return adobeResponse("alice", "Sa1t", "secret", x, "01020304") }
	round2 := "live?authmod=adobe&user=alice"
	tests := []struct {
		name, description, app string
		want                   string
		err                    error
	}{
		{"another refusal", "no such application", "live", "", nil},
		{"round 1", reject + "[ code=403 need auth; authmod=adobe ] : ", "live", "?authmod=adobe&user=alice", nil},
		{"round 1, second query", reject + "[ code=403 need auth; authmod=adobe ] : ", "live?k=v", "?authmod=adobe&user=alice", nil},
		{"round 1 of gortmplib", "code=403 need auth; authmod=adobe", "live", "?authmod=adobe&user=alice", nil},
		{"round 1, llnw", reject + "[ code=403 need auth; authmod=llnw ] : ", "live", "?authmod=llnw&user=alice", nil},
		{"round 1 again", reject + "[ code=403 need auth; authmod=adobe ] : ", round2, "", ErrAuthFailed},
		{"round 2", reject + "[ authmod=adobe ] : " + request, round2, "&challenge=01020304&response=" + adobe("OpAq==") + "&opaque=OpAq==", nil},
		{
			"round 2 of gortmplib", "authmod=adobe ?reason=needauth&user=alice&salt=Sa1t&challenge=Cha==", round2,
			"&challenge=01020304&response=" + adobe("Cha=="), nil,
		},
		{
			"round 2, empty opaque", reject + "[ authmod=adobe ] : ?reason=needauth&user=alice&salt=Sa1t&challenge=Cha==&opaque= ", round2,
			"&challenge=01020304&response=" + adobe("Cha=="), nil,
		},
		{
			"round 2, llnw", reject + "[ authmod=llnw ] : ?reason=needauth&user=alice&nonce=n0nce", "live?authmod=llnw&user=alice",
			"&nonce=n0nce&cnonce=01020304&nc=00000001&response=" + llnwResponse("alice", "secret", "live", "n0nce", "01020304"), nil,
		},
		{"round 2 again", reject + "[ authmod=adobe ] : " + request, round2 + "&challenge=x&response=y&opaque=z", "", ErrAuthFailed},
		{"wrong password", reject + "[ authmod=adobe ] : ?reason=authfailed&opaque=x", round2, "", ErrAuthFailed},
		{"wrong password, llnw", reject + "[ authmod=llnw ] : ?reason=authfail", round2, "", ErrAuthFailed},
		{"no such user", reject + "[ authmod=adobe ] : ?reason=nosuchuser", round2, "", ErrAuthFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			random := bytes.NewReader([]byte{1, 2, 3, 4})
			got, err := authmodReply(tt.description, tt.app, "alice", "secret", random)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestAuthmodReplyWithoutCredentials(t *testing.T) {
	const description = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "
	for _, c := range [][2]string{{"", ""}, {"alice", ""}, {"", "secret"}} {
		if _, err := authmodReply(description, "live", c[0], c[1], nil); !errors.Is(err, ErrAuthRequired) {
			t.Errorf("user %q, password %q: error %v, want ErrAuthRequired", c[0], c[1], err)
		}
	}
}

func TestAuthmodReplyErrors(t *testing.T) {
	if s, err := authmodReply("authmod=adobe ?reason=other", "live", "a", "b", nil); err == nil {
		t.Errorf("an unknown request gives %q", s)
	}
	if s, err := authmodReply("authmod=adobe ?reason=needauth", "live", "a", "b", strings.NewReader("")); err == nil {
		t.Errorf("no random bytes give %q", s)
	}
}

func FuzzAuthmodReply(f *testing.F) {
	f.Add("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=U&salt=S&challenge=C&opaque=O", "live?authmod=adobe&user=U")
	f.Add("authmod=llnw?reason=needauth&nonce", "a/b?c")
	f.Fuzz(func(t *testing.T, description, app string) {
		suffix, err := authmodReply(description, app, "alice", "secret", bytes.NewReader(make([]byte, 4)))
		if err != nil && suffix != "" {
			t.Fatalf("%q and %v", suffix, err)
		}
	})
}
