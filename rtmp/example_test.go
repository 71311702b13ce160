package rtmp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"leat/flv"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// A client publishes a file. To send it as fast as it is meant to be seen is up to the caller.
func ExampleConn_Publish() {
	ctx := context.Background()
	conn, err := rtmp.Dial(ctx, "rtmp://localhost/live/film", nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := conn.Publish(ctx, "", nil) // "": the name in the URL
	if err != nil {
		log.Fatal(err)
	}
	if _, err := media.Copy(ctx, pub, flv.NewReader(os.Stdin)); err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(pub.Close(), conn.Flush(ctx), conn.Close()); err != nil {
		log.Fatal(err)
	}
}

// A client plays ten seconds and writes them to a file.
func ExampleConn_Play() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := rtmp.Dial(ctx, "rtmp://localhost/live/film", nil)
	if err != nil {
		log.Fatal(err)
	}
	player, err := conn.Play(ctx, "", nil)
	if err != nil {
		log.Fatal(err)
	}
	file := flv.NewWriter(os.Stdout)
	if _, err := media.Copy(ctx, file, player); !errors.Is(err, context.DeadlineExceeded) {
		log.Print(err) // nil when the stream has ended before the time
	}
	if err := errors.Join(file.Close(), conn.Close()); err != nil {
		log.Fatal(err)
	}
}

// Dial tells a server that says no from one that cannot be reached.
func ExampleDial() {
	conn, err := rtmp.Dial(context.Background(), "rtmp://localhost/live", &rtmp.DialConfig{Timeout: 3 * time.Second})
	if refused, ok := errors.AsType[*rtmp.StatusError](err); ok {
		log.Fatalf("refused with %s: %s", refused.Code, refused.Description)
	}
	if failed, ok := errors.AsType[*rtmp.DialError](err); ok {
		log.Fatalf("no connection, the step that failed is %s: %v", failed.Step, failed.Err)
	}
	if err != nil {
		log.Fatal(err) // the URL is none
	}
	fmt.Println(conn.RemoteAddr(), conn.Handshake())
}

// lobby lets one application in, counts what is published, and plays a clip to whoever asks.
type lobby struct{}

// ServeConnect makes lobby an rtmp.ConnectHandler.
func (lobby) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	if r.App != "live" {
		return rtmp.Refuse(rtmp.CodeConnectInvalidApp, "There is no application %q here.", r.App)
	}
	return nil
}

// ServePublish reads until the client ends the stream.
func (lobby) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	n, err := media.Copy(ctx, nowhere{}, s)
	fmt.Println("published:", s.Key(), n, "packets")
	return err
}

// ServePlay writes a clip and ends the stream by returning.
func (lobby) ServePlay(ctx context.Context, s *rtmp.PlayStream) error {
	for _, p := range mediatest.AVC(200 * time.Millisecond) {
		if err := s.WritePacket(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// ServeCall makes lobby an rtmp.CallHandler.
func (lobby) ServeCall(_ context.Context, _ *rtmp.Conn, call *rtmp.Call) (any, error) {
	if call.Name != "add" {
		return nil, rtmp.Refuse(rtmp.CodeCallFailed, "There is no method %q here.", call.Name)
	}
	sum := 0.0
	for _, arg := range call.Args {
		v, ok := arg.(float64)
		if !ok {
			return nil, rtmp.Refuse(rtmp.CodeCallFailed, "%v is not a number.", arg)
		}
		sum += v
	}
	return sum, nil
}

// nowhere is a media.Writer that keeps nothing.
type nowhere struct{}

func (nowhere) WritePacket(context.Context, *media.Packet) error { return nil }

// serveLobby runs a server in memory, and returns how to dial it and how to end it.
func serveLobby() (*rtmp.DialConfig, func()) { return serve(lobby{}) }

func serve(h rtmp.Handler) (*rtmp.DialConfig, func()) {
	srv := &rtmp.Server{Handler: h, Logger: slog.New(slog.DiscardHandler)}
	l := rtmptest.NewListener()
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()
	return &rtmp.DialConfig{Dial: l.DialContext}, func() {
		if err := srv.Close(); err != nil {
			fmt.Println(err)
		}
		if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
			fmt.Println(err)
		}
	}
}

// A handler serves streams as an http.Handler serves requests: its methods live as long as the stream.
func ExampleServer() {
	dial, end := serveLobby()
	defer end()
	ctx := context.Background()

	conn, err := rtmp.Dial(ctx, "rtmp://example.invalid/live/clip", dial)
	if err != nil {
		fmt.Println(err)
		return
	}
	player, err := conn.Play(ctx, "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	frames := 0
	for {
		p, err := player.ReadPacket(ctx)
		if err != nil {
			fmt.Println(frames, "frames, then", err)
			break
		}
		if p.Kind == media.Video && !p.Config {
			frames++
		}
	}
	if err := conn.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: 5 frames, then EOF
}

// mover is a lobby under repair: who comes to its old rooms is asked to go on in the new ones.
type mover struct{ lobby }

// ServeConnect lets both applications in.
func (mover) ServeConnect(context.Context, *rtmp.ConnectRequest) error { return nil }

// ServePublish reads until the client ends the stream, here or elsewhere.
func (m mover) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	if err := s.Accept(); err != nil {
		return err
	}
	m.move(s.Conn(), s.Key())
	_, err := media.Copy(ctx, nowhere{}, s)
	return err
}

// ServePlay writes the first half of the clip in the old rooms.
func (m mover) ServePlay(ctx context.Context, s *rtmp.PlayStream) error {
	if s.Key().App != "old" {
		return m.lobby.ServePlay(ctx, s)
	}
	for _, p := range mediatest.AVC(100 * time.Millisecond) {
		if err := s.WritePacket(ctx, p); err != nil {
			return err
		}
	}
	m.move(s.Conn(), s.Key())
	<-ctx.Done() // the client has gone
	return nil
}

func (mover) move(c *rtmp.Conn, key media.Key) {
	if key.App == "old" && !c.RequestReconnect("/new", "The old rooms are being closed.") {
		fmt.Println("the client does not know reconnect requests")
	}
}

// A publisher that follows its server: redirects, and requests to go on elsewhere in the middle of the stream. It moves at a key frame.
func ExamplePublishURL() {
	dial, end := serve(mover{})
	defer end()
	ctx := context.Background()
	u, err := rtmp.ParseURL("rtmp://example.invalid/old/film")
	if err != nil {
		fmt.Println(err)
		return
	}
	dial.OnReconnect = func(_ *rtmp.Conn, r *rtmp.ReconnectRequest) { fmt.Println(r.Description) }
	pub, err := rtmp.PublishURL(ctx, u, dial, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for first, n := pub.Conn(), 0; pub.Conn() == first; n++ { // second by second
		for _, p := range mediatest.AVC(time.Second) {
			later := *p
			later.Timestamp += time.Duration(n) * time.Second
			if err := pub.WritePacket(ctx, &later); err != nil {
				fmt.Println(err)
				return
			}
		}
	}
	fmt.Println("The stream goes on elsewhere.")
	if err := pub.Close(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// The old rooms are being closed.
	// The stream goes on elsewhere.
}

// A player that follows its server likewise. What comes is one stream on one timeline.
func ExamplePlayURL() {
	dial, end := serve(mover{})
	defer end()
	ctx := context.Background()
	u, err := rtmp.ParseURL("rtmp://example.invalid/old/clip")
	if err != nil {
		fmt.Println(err)
		return
	}
	player, err := rtmp.PlayURL(ctx, u, dial, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		p, err := player.ReadPacket(ctx)
		if err != nil {
			fmt.Println(err)
			break
		}
		if p.Kind == media.Video && !p.Config {
			fmt.Println("a frame at", p.Timestamp)
		}
	}
	if err := player.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// a frame at 0s
	// a frame at 40ms
	// a frame at 80ms
	// a frame at 120ms
	// a frame at 160ms
	// EOF
}

// A handler refuses with a status, which the client gets as an error.
func ExampleConnectHandler() {
	dial, end := serveLobby()
	defer end()
	_, err := rtmp.Dial(context.Background(), "rtmp://example.invalid/attic", dial)
	if refused, ok := errors.AsType[*rtmp.StatusError](err); ok {
		fmt.Println(refused.Code)
		fmt.Println(refused.Description)
	}
	// Output:
	// NetConnection.Connect.InvalidApp
	// There is no application "attic" here.
}

// Either side may call methods of the other.
func ExampleConn_Call() {
	dial, end := serveLobby()
	defer end()
	ctx := context.Background()
	conn, err := rtmp.Dial(ctx, "rtmp://example.invalid/live", dial)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(conn.Call(ctx, "add", 19.0, 23.0))
	_, err = conn.Call(ctx, "add", "nineteen")
	fmt.Println(err)
	if err := conn.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 42 <nil>
	// NetConnection.Call.Failed: nineteen is not a number.
}

func ExampleParseURL() {
	u, err := rtmp.ParseURL("rtmps://media.example.com/live/eu/cam7?token=s3cret")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Address())
	fmt.Println(u.App)
	fmt.Println(u.Name)
	fmt.Println(u.TCURL)
	// Output:
	// media.example.com:443
	// live/eu
	// cam7?token=s3cret
	// rtmps://media.example.com/live/eu
}
