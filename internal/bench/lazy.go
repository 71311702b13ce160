package bench

import (
	"context"
	"time"
)

// lazy reads players that need not be read at once.
type lazy struct {
	step    *step
	players chan *player // those that have joined
}

// run reads all players once per tick until ctx is done.
func (l *lazy) run(ctx context.Context) {
	buf := make([]byte, 256<<10)
	var players []*player
	tick := time.NewTicker(l.step.cfg.Tick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-l.players:
			players = append(players, p)
			continue
		case <-tick.C:
		}
		for _, p := range players {
			if p.failed == nil {
				p.drain(buf)
			}
		}
	}
}
