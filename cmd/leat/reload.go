package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"leat/internal/config"
	"leat/internal/node"
)

// reloader reads the configuration again on SIGHUP and when its file has changed. It listens for both from its making on, so
// that nothing falls between loading and run.
type reloader struct {
	command *serveCommand
	hangup  chan os.Signal
	changed chan struct{}
	watcher *config.Watcher // nil without a file, or when it cannot be watched
	failed  error           // why it cannot
	running sync.WaitGroup
	turn    sync.Mutex // held while it reloads
}

func newReloader(c *serveCommand) *reloader {
	r := &reloader{command: c, hangup: make(chan os.Signal, 1), changed: make(chan struct{}, 1)}
	signal.Notify(r.hangup, syscall.SIGHUP)
	if c.Config != "" {
		r.watcher, r.failed = config.NewWatcher(c.Config)
	}
	return r
}

// run reloads until ctx is done. level is what the logger logs from.
func (r *reloader) run(ctx context.Context, n *node.Node, log *slog.Logger, level *slog.LevelVar) {
	if r.failed != nil {
		log.Warn("the configuration file cannot be watched: send SIGHUP after a change", "err", r.failed)
	}
	if r.watcher != nil {
		r.running.Go(func() { r.watch(ctx) })
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.hangup:
		case <-r.changed:
		}
		_ = r.reload(n, log, level) // it has been logged
	}
}

// reload reads the configuration and puts it in force. What is wrong with it is logged, and returned.
func (r *reloader) reload(n *node.Node, log *slog.Logger, level *slog.LevelVar) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	cfg, err := r.command.load()
	if err != nil {
		reportMistakes(log, err)
		return err
	}
	level.Set(cfg.Log.Level.Level())
	n.Reload(cfg)
	return nil
}

func (r *reloader) watch(ctx context.Context) {
	for r.watcher.Wait(ctx) == nil {
		select {
		case r.changed <- struct{}{}:
		case <-ctx.Done():
		}
	}
}

// reportMistakes logs a line for each mistake in a configuration that was not taken.
func reportMistakes(log *slog.Logger, err error) {
	mistakes := []error{err}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		mistakes = all.Unwrap()
	}
	for _, mistake := range mistakes {
		log.Error("the configuration was not reloaded, the old one stays in force", "mistake", mistake.Error())
	}
}

// close ends what newReloader began. run must have returned, or its context be done.
func (r *reloader) close() error {
	signal.Stop(r.hangup)
	r.running.Wait()
	if r.watcher == nil {
		return nil
	}
	return r.watcher.Close()
}
