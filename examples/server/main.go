// Command server is a live RTMP server: what one client publishes, any number of others can play.
//
//	go run ./examples/server -addr localhost:1935
//
// Then publish to rtmp://localhost/live/NAME, and play the same address.
package main

import (
	"context"
	"flag"
	"log"
	"net"

	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// server copies each publisher into the hub, and the hub to each player.
type server struct{ hub *live.Hub }

// ServePublish lives as long as the publisher stays.
func (s server) ServePublish(ctx context.Context, p *rtmp.PublishStream) error {
	pub, err := s.hub.Publish(p.Key(), nil)
	if err != nil {
		return rtmp.Refuse(rtmp.CodePublishBadName, "%s is being published already.", p.Key())
	}
	_, err = media.Copy(ctx, pub, p)
	pub.Close(err == nil) // after an error players wait for its return
	return err
}

// ServePlay lives as long as the player watches. A player may come before its publisher.
func (s server) ServePlay(ctx context.Context, p *rtmp.PlayStream) error {
	sub := s.hub.Subscribe(p.Key(), nil)
	defer sub.Close()
	if err := p.Start(false); err != nil {
		return err
	}
	_, err := media.Copy(ctx, p, sub)
	return err
}

func main() {
	addr := flag.String("addr", "localhost:1935", "where to listen")
	flag.Parse()
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("serving rtmp://%s", l.Addr())
	srv := &rtmp.Server{Handler: server{live.NewHub(nil)}}
	log.Fatal(srv.Serve(l))
}
