// Command sharedobject chats: each line of standard input goes to everybody who runs it with the same address, and the last
// one is kept in a slot for those who come later.
//
//	go run ./examples/sharedobject rtmp://localhost/live/chat
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"leat/rtmp"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: sharedobject rtmp://host/app/object")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := chat(ctx, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func chat(ctx context.Context, url string) error {
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	object, err := conn.SharedObject(ctx, conn.URL().Name, &rtmp.SharedObjectOptions{
		OnMessage: func(_ string, args []any) { fmt.Println(args...) },
	})
	if err != nil {
		return err
	}
	last, _ := object.Get("last")
	log.Printf("chatting, the last line was %v", last)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := object.SendMessage("say", lines.Text()); err != nil {
			return err
		}
		if err := object.Set(ctx, "last", lines.Text()); err != nil {
			return err
		}
	}
	return object.Close()
}
