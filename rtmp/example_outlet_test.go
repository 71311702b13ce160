package rtmp_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// tower plays one stream to many: what is sent is encoded once for all players that take it in the same form, and no player has a
// goroutine. Its lobby lets them in.
type tower struct {
	lobby
	joined chan struct{}

	mu     sync.Mutex
	groups map[rtmp.Encoder]*group
}

// group is the players whose bytes are the same.
type group struct {
	fitter  *rtmp.Fitter
	outlets map[*rtmp.Outlet]bool
}

// ServePlay returns at once: the stream lives on as the Outlet.
func (t *tower) ServePlay(_ context.Context, s *rtmp.PlayStream) error {
	o, err := s.Detach(false)
	if err != nil {
		return err
	}
	t.mu.Lock()
	g := t.groups[o.Encoder()]
	if g == nil {
		g = &group{rtmp.NewFitter(o.Encoder().Form, s.Key().Name), map[*rtmp.Outlet]bool{}}
		t.groups[o.Encoder()] = g
	}
	g.outlets[o] = true
	t.mu.Unlock()
	o.OnCommand(func(cmd rtmp.Command) {
		if _, over := cmd.(rtmp.CloseCommand); over { // the player has left
			t.mu.Lock()
			delete(g.outlets, o)
			t.mu.Unlock()
		}
	})
	t.joined <- struct{}{}
	return nil
}

// WritePacket makes tower a media.Writer.
func (t *tower) WritePacket(_ context.Context, p *media.Packet) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for encoder, g := range t.groups {
		fitted, _ := g.fitter.Fit(nil, p)
		var b []byte
		for _, q := range fitted {
			b = encoder.Append(b, q)
		}
		for o := range g.outlets {
			// Less than all of b means that the player is too slow: it misses the rest, whole messages. NotifyWritable would tell when
			// there is room for it. An error means that its CloseCommand is under way.
			_, _ = o.TryWrite(b)
		}
	}
	return nil
}

// end tells all players that the stream is over.
func (t *tower) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range t.groups {
		for o := range g.outlets {
			o.Complete()
		}
	}
}

// One stream is sent to several players, as a broadcaster does that has thousands of them.
func ExamplePlayStream_Detach() {
	t := &tower{joined: make(chan struct{}), groups: map[rtmp.Encoder]*group{}}
	dial, end := serve(t)
	defer end()
	ctx := context.Background()
	var players sync.WaitGroup
	var frames [3]int
	for i := range frames {
		players.Go(func() {
			conn, err := rtmp.Dial(ctx, "rtmp://example.invalid/live/news", dial)
			if err != nil {
				fmt.Println(err)
				return
			}
			defer conn.Close()
			player, err := conn.Play(ctx, "", nil)
			if err != nil {
				fmt.Println(err)
				return
			}
			for {
				p, err := player.ReadPacket(ctx)
				if err != nil { // io.EOF
					return
				}
				if p.Kind == media.Video && !p.Config {
					frames[i]++
				}
			}
		})
		<-t.joined
	}
	for _, p := range mediatest.AVC(200 * time.Millisecond) {
		if err := t.WritePacket(ctx, p); err != nil {
			fmt.Println(err)
		}
	}
	t.end()
	players.Wait()
	fmt.Println(frames, "frames, encoded", len(t.groups), "time")
	// Output: [5 5 5] frames, encoded 1 time
}
