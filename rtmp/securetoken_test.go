package rtmp

import (
	"strings"
	"testing"

	"leat/amf"
)

func TestSecureTokenVector(t *testing.T) {
	const key, text, challenge = "#ed%0#w@1", "hello world!", "da2095acf999fa7194787a42"
	if got := EncryptSecureToken(key, text); got != challenge {
		t.Errorf("EncryptSecureToken = %s, want %s", got, challenge)
	}
	got, err := DecryptSecureToken(key, strings.ToUpper(challenge))
	if err != nil || got != text {
		t.Errorf("DecryptSecureToken = %q, %v; want %q", got, err, text)
	}
}

func TestSecureTokenRoundTrip(t *testing.T) {
	for n := 1; n <= 70; n++ {
		text := strings.Repeat("secret-", 10)[:n]
		challenge := EncryptSecureToken("0123456789abcdefIGNORED", text)
		answer, err := DecryptSecureToken("0123456789abcdef", challenge)
		if err != nil {
			t.Fatal(err)
		}
		if !VerifySecureToken(text, answer) || !VerifySecureToken(text, strings.TrimRight(answer, "\x00")) {
			t.Errorf("length %d: %q is not taken for %q", n, answer, text)
		}
		if VerifySecureToken(text, answer+"x") || VerifySecureToken(text, text[:n-1]) {
			t.Errorf("length %d: a wrong answer is taken", n)
		}
	}
	if VerifySecureToken("", "") || VerifySecureToken("", "\x00") {
		t.Error("an empty text is taken")
	}
}

func TestDecryptSecureTokenErrors(t *testing.T) {
	for _, challenge := range []string{"", "a", "abc", "zz", strings.Repeat("ab", maxSecureToken)} {
		if got, err := DecryptSecureToken("key", challenge); err == nil {
			t.Errorf("DecryptSecureToken(%.20q) = %q; want an error", challenge, got)
		}
	}
}

func FuzzDecryptSecureToken(f *testing.F) {
	f.Add("#ed%0#w@1", "da2095acf999fa7194787a42")
	f.Add("", "00")
	f.Fuzz(func(t *testing.T, key, challenge string) {
		text, err := DecryptSecureToken(key, challenge)
		if err != nil {
			return
		}
		if len(text) != len(challenge)/2 {
			t.Fatalf("%d digits give %d bytes", len(challenge), len(text))
		}
		if len(text) >= 8 && len(text)%4 == 0 && EncryptSecureToken(key, text) != strings.ToLower(challenge) {
			t.Fatalf("%q does not encrypt to %q again", text, challenge)
		}
	})
}

func TestFindText(t *testing.T) {
	deep := amf.NewObject("secureToken", "da")
	for range maxTokenDepth {
		deep = amf.NewObject("data", deep)
	}
	tests := []struct {
		name string
		o    *amf.Object
		want string
	}{
		{"none", nil, ""},
		{"on top", amf.NewObject("secureToken", "da"), "da"},
		{"within", amf.NewObject("code", "c", "data", amf.NewObject("version", "1", "secureToken", "da")), "da"},
		{"no text", amf.NewObject("secureToken", 1.0), ""},
		{"too deep", deep, ""},
	}
	for _, tt := range tests {
		if got := findText(tt.o, secureTokenName); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
