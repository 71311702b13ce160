// Command leat is an RTMP server and client. Each verb is a file of this package: `leat --help` lists them.
//
// Exit codes: 0 done, 1 failed, 2 incomplete, 3 cannot connect, 4 refused by the other side, 64 usage. The first
// interrupt ends a verb cleanly, the second ends the process at once.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from here on a signal does what it does by default
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}
