package rtmp

import "testing"

func TestAdobeResponse(t *testing.T) {
	const user, salt, password, opaque, own = "alice", "Sa1t", "secret", "OpAq==", "AQIDBA=="
	if got, want := md5Base64(user+salt+password), "eXXS4HKecB/S5pCGTVv00w=="; got != want {
		t.Errorf("h1 = %s, want %s", got, want)
	}
	if got, want := adobeResponse(user, salt, password, opaque, own), "BDLQu8aeY7LKIC9mzE0X2A=="; got != want {
		t.Errorf("response = %s, want %s", got, want)
	}
}

func TestAdobeResponse2012(t *testing.T) {
	want := md5Base64("eXXS4HKecB/S5pCGTVv00w" + "OpAq==" + "Cha==" + "AQIDBA")
	if got := adobeResponse2012("alice", "Sa1t", "secret", "OpAq==", "Cha==", "AQIDBA=="); got != want {
		t.Errorf("response = %s, want %s", got, want)
	}
	adobeResponse2012("alice", "", "", "", "", "short")
}

func TestLLNWResponse(t *testing.T) {
	const user, password, nonce, own = "alice", "secret", "n0nce", "0a0b0c0d"
	if got, want := md5Hex(user+":live:"+password), "f7b8075832e11e7e68e019541c4b8fc3"; got != want {
		t.Errorf("h1 = %s, want %s", got, want)
	}
	if got, want := md5Hex("publish:/live/_definst_"), "a2d981c976a6851bc5ed3f2beab823c8"; got != want {
		t.Errorf("h2 = %s, want %s", got, want)
	}
	const want = "001f58dfa5525a80a3257cdc9005b165"
	for _, app := range []string{"live", "live?authmod=llnw&user=alice", "live?a=b/c", "live/_definst_"} {
		if got := llnwResponse(user, password, app, nonce, own); got != want {
			t.Errorf("app %q: response = %s, want %s", app, got, want)
		}
	}
	if llnwResponse(user, password, "live/room", nonce, own) == want {
		t.Error("the instance does not count")
	}
}

func TestSameResponse(t *testing.T) {
	tests := []struct {
		got, want string
		same      bool
	}{
		{"BDLQ==", "BDLQ==", true},
		{"BDLQ", "BDLQ==", true},
		{"BDLq==", "BDLQ==", false},
		{"", "BDLQ==", false},
	}
	for _, tt := range tests {
		if sameResponse(tt.got, tt.want) != tt.same {
			t.Errorf("sameResponse(%q, %q) is not %v", tt.got, tt.want, tt.same)
		}
	}
}

func TestAuthParams(t *testing.T) {
	for _, app := range []string{"live", "live?user=a", "authmod=adobe", "live?xauthmod=adobe"} {
		if got := authParams(app); got != nil {
			t.Errorf("authParams(%q) = %v, want nil", app, got)
		}
	}
	got := authParams("live?k=v&authmod=llnw&user=x?authmod=adobe&user=a%41?+;b&user=c&response=a/b+c==&opaque=")
	want := map[string]string{"authmod": "adobe", "user": "a%41?+;b", "response": "a/b+c==", "opaque": ""}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %q, want %q", k, got[k], v)
		}
	}
}
