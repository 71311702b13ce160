// Command calls shows remote calls both ways: a client calls a method of its server, which calls the client back before it
// answers.
//
//	go run ./examples/calls Ada
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"

	"leat/rtmp"
)

// server greets callers by the name that it asks them for.
type server struct{}

func (server) ServeCall(ctx context.Context, c *rtmp.Conn, call *rtmp.Call) (any, error) {
	if call.Name != "greet" {
		return nil, rtmp.Refuse(rtmp.CodeCallFailed, "There is no method %q.", call.Name)
	}
	name, err := c.Call(ctx, "name")
	return fmt.Sprintf("Hello, %v!", name), err
}

func (server) ServePublish(context.Context, *rtmp.PublishStream) error { return errors.ErrUnsupported }

func (server) ServePlay(context.Context, *rtmp.PlayStream) error { return errors.ErrUnsupported }

// client answers whatever it is asked with its name.
type client string

func (name client) ServeCall(context.Context, *rtmp.Conn, *rtmp.Call) (any, error) {
	return string(name), nil
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: calls NAME")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal((&rtmp.Server{Handler: server{}}).Serve(listener)) }()

	ctx := context.Background()
	conn, err := rtmp.Dial(ctx, "rtmp://"+listener.Addr().String()+"/app", &rtmp.DialConfig{Handler: client(os.Args[1])})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(conn.Call(ctx, "greet"))
	fmt.Println(conn.Call(ctx, "dance")) // refused: the error is a *rtmp.StatusError
}
