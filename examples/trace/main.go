// Command trace asks a server for a stream and prints what the two say to each other until the stream begins.
//
//	go run ./examples/trace rtmp://localhost/live/film
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"leat/amf"
	"leat/rtmp"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: trace rtmp://host/app/name")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out := log.New(os.Stdout, "", 0) // two goroutines write to it
	conn, err := rtmp.Dial(ctx, os.Args[1], &rtmp.DialConfig{Trace: &rtmp.Trace{
		HandshakeDone: func(h rtmp.TraceHandshake) { out.Println("handshake", h.Name) },
		Sent:          func(m rtmp.TraceMessage) { out.Println("→", describe(m)) },
		Received:      func(m rtmp.TraceMessage) { out.Println("←", describe(m)) },
		Closed:        func(r *rtmp.CloseReason) { out.Println("closed:", r.Text) },
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Play(ctx, "", nil); err != nil {
		log.Print(err)
	}
}

// describe tells type, chunk stream and message stream of a message, and of a command its name and the code of a status.
func describe(m rtmp.TraceMessage) string {
	text := fmt.Sprintf("type %2d, csid %d, msid %d", m.Type, m.ChunkStreamID, m.StreamID)
	if m.Type != 20 {
		return text
	}
	values, err := amf.Decode(m.Body, amf.Limits{})
	if err != nil {
		return text + ": " + err.Error()
	}
	text += fmt.Sprintf(": %v", values[0])
	if info, ok := values[len(values)-1].(*amf.Object); ok && info.Text("code") != "" {
		text += " " + info.Text("code")
	}
	return text
}
