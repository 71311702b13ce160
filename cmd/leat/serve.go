package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"leat/internal/config"
	"leat/internal/node"
)

// serveCommand is `leat serve`.
type serveCommand struct {
	Config string  `help:"Configuration file." placeholder:"FILE" type:"path"`
	RTMP   *string `name:"rtmp" help:"Where encoders publish and players play (default :1935); empty turns it off." placeholder:"ADDR"`
	HTTP   *string `name:"http" help:"The public web door (default :8080); empty turns it off." placeholder:"ADDR"`
	Admin  *string `help:"Health and metrics (default 127.0.0.1:8081); empty turns it off." placeholder:"ADDR"`
	Data   *string `help:"Folder under which all that is written lives (default data)." placeholder:"DIR"`
	Log    *string `name:"log-level" help:"debug, info, warn or error." placeholder:"LEVEL"`
	Format *string `name:"log-format" help:"text or json." placeholder:"FORMAT"`
}

// overrides are the flags that were given, over file and environment.
func (c *serveCommand) overrides() []config.Override {
	var all []config.Override
	add := func(field, flag string, value *string) {
		if value != nil {
			all = append(all, config.Override{Field: field, Value: *value, Flag: flag})
		}
	}
	add("rtmp", "--rtmp", c.RTMP)
	add("http", "--http", c.HTTP)
	add("admin", "--admin", c.Admin)
	add("data", "--data", c.Data)
	add("log.level", "--log-level", c.Log)
	add("log.format", "--log-format", c.Format)
	return all
}

func (c *serveCommand) load() (*config.Config, error) {
	return config.Load(c.Config, os.Environ(), c.overrides()...)
}

// drainTime is how long clients have to leave after the first signal.
const drainTime = 5 * time.Second

// Run serves until ctx is done, which the first signal brings about; the second ends the process at once.
func (c *serveCommand) Run(ctx context.Context, std streams) (err error) {
	reloads := newReloader(c)
	defer func() { err = errors.Join(err, reloads.close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cfg, err := c.load()
	if err != nil {
		return mistaken(err)
	}
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level.Level())
	logger := newLogger(std.err, cfg.Log.Format, level)
	if os.Getenv("GOGC") == "" {
		defer startGCPacer().stop()
	}
	n := node.New(cfg, logger)
	n.Reread = func() error { return reloads.reload(n, logger, level) }
	if err := n.Listen(ctx); err != nil {
		return errors.Join(err, n.Shutdown(ctx))
	}
	served := make(chan error, 1)
	go func() { served <- n.Serve() }() // ends with Shutdown
	reloads.running.Go(func() { reloads.run(ctx, n, logger, level) })
	select {
	case err = <-served:
	case <-ctx.Done():
		logger.Info("shutting down, a second signal ends at once")
	}
	drain, stop := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer stop()
	if down := n.Shutdown(drain); down != nil && !errors.Is(down, context.DeadlineExceeded) {
		err = errors.Join(err, down)
	}
	logger.Info("stopped")
	return err
}
