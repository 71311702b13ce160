package hostile

import (
	"io"
	"testing"
	"testing/synctest"

	"leat/rtmp/rtmptest"
)

// TestCasesEnd: whatever a server does has a name of its own, and Close ends it while its client still listens.
func TestCasesEnd(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Cases() {
		if names[c.Name] {
			t.Errorf("two cases are called %q", c.Name)
		}
		names[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := rtmptest.NewListener()
				s := Serve(l, c.Behave)
				nc, err := l.Dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if s.Accepted() != 1 {
					t.Fatalf("%d connections were accepted", s.Accepted())
				}
				s.Close()
				if _, err := io.Copy(io.Discard, nc); err != nil {
					t.Errorf("the client was not told of the end: %v", err)
				}
				if err := nc.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
