package relay

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// ring makes servers of which each is connected to the next by rule.
func ring(t *testing.T, size int, rule func(s *station, next string)) []*station {
	t.Helper()
	n := newNetwork()
	var all []*station
	for i := range size {
		s := n.station(t)
		all = append(all, s)
		stop := n.serve(t, fmt.Sprintf("node%d", i), s)
		t.Cleanup(stop)
		rule(s, fmt.Sprintf("rtmp://node%d/live", (i+1)%size))
	}
	return all
}

// TestPullLoop: servers that pull from each other in a circle find out, and tell the player that there is no such stream.
func TestPullLoop(t *testing.T) {
	for _, size := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := ring(t, size, func(s *station, next string) { s.rules[cam] = Pull{Origins: []string{next}} })
				begun := time.Now()
				if err := all[0].Await(t.Context(), cam, nil); !errors.Is(err, ErrNotFound) {
					t.Errorf("got %v, want ErrNotFound", err)
				}
				if took := time.Since(begun); took > time.Second {
					t.Errorf("it took %v", took)
				}
				all[size-1].lines.want(t, "pull fails at this origin", "loop")
				for _, s := range all {
					s.close()
				}
			})
		})
	}
}

// TestPushLoop: a stream that is pushed round a circle is refused where it comes from, under whatever name.
func TestPushLoop(t *testing.T) {
	for _, size := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				var all []*station
				for i := range size {
					s := n.station(t)
					all = append(all, s)
					defer n.serve(t, fmt.Sprintf("node%d", i), s)()
				}
				for i, s := range all {
					key := media.Key{App: "live", Name: fmt.Sprintf("cam%d", i)}
					next := fmt.Sprintf("rtmp://node%d/live/cam%d", (i+1)%size, i+1)
					if _, err := s.StartPush(key, Target{URL: next}); err != nil {
						t.Fatal(err)
					}
				}
				pub, end := all[0].publish(media.Key{App: "live", Name: "cam0"})
				feed(t, pub, 5*time.Second)
				last := all[size-1]
				if status := last.Pushes()[0]; status.State != StateFailed {
					t.Errorf("status of the last push: %+v", status)
				}
				last.lines.want(t, "push refused", "loop")
				end()
				for _, s := range all {
					s.close()
				}
			})
		})
	}
}

func TestPath(t *testing.T) {
	long := make(Path, maxHops+1)
	for i := range long {
		long[i] = fmt.Sprint(i)
	}
	tests := []struct {
		path Path
		want error
	}{
		{nil, nil},
		{Path{"a", "b"}, nil},
		{Path{"a", "me", "b"}, ErrLoop},
		{long[:maxHops], nil},
		{long, ErrTooFar},
	}
	for _, test := range tests {
		if err := parsePath(test.path.String()).check("me"); !errors.Is(err, test.want) {
			t.Errorf("%v: %v, want %v", test.path, err, test.want)
		}
	}
}

// TestTooFar: a stream does not travel without end where no server comes twice.
func TestTooFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		var all []*station
		for i := range maxHops + 2 {
			s := n.station(t)
			all = append(all, s)
			defer n.serve(t, fmt.Sprintf("node%d", i), s)()
			if _, err := s.StartPush(cam, Target{URL: fmt.Sprintf("rtmp://node%d/live", i+1)}); err != nil {
				t.Fatal(err)
			}
		}
		pub, end := all[0].publish(cam)
		for range 20 {
			for _, p := range mediatest.AVC(time.Second) {
				if err := pub.WritePacket(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			sleep(time.Second)
		}
		if !all[maxHops].onAir(cam) || all[maxHops+1].onAir(cam) {
			t.Errorf("after %d servers: %v, after one more: %v", maxHops, all[maxHops].onAir(cam), all[maxHops+1].onAir(cam))
		}
		end()
		for _, s := range all {
			s.close()
		}
	})
}

var _ rtmp.ConnectHandler = (*station)(nil)
