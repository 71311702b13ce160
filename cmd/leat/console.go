package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// console is where a verb with several goroutines talks to the user: lines, and below them a progress.
type console struct {
	mu  sync.Mutex
	w   io.Writer
	bar *progress // may be nil
}

// say writes a line. A terminal that cannot be written to is no reason to stop what it is about.
func (c *console) say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bar.clear()
	_, _ = fmt.Fprintf(c.w, format+"\n", args...)
}

// at moves the progress.
func (c *console) at(verb string, done int64, media time.Duration, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bar != nil {
		c.bar.verb = verb
		c.bar.at(done, media, bytes)
	}
}

// end leaves the progress as it is.
func (c *console) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bar.end()
}
