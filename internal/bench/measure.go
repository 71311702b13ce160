package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// points is how many points a measurement's series has at most: one a second in a short one.
const points = 60

// moment is what has been counted at a time.
type moment struct {
	at                    time.Duration
	bytesIn, messagesIn   uint64
	bytesOut, messagesOut uint64
	unmarked              uint64
	blocked               time.Duration
	server                usage
	own                   time.Duration
}

func (s *step) moment() moment {
	m := moment{
		at: s.clock(), bytesIn: s.bytesIn.Load(), messagesIn: s.messagesIn.Load(), bytesOut: s.bytesOut.Load(),
		messagesOut: s.messagesOut.Load(), unmarked: s.unmarked.Load(), blocked: time.Duration(s.blocked.Load()), own: ownCPU(),
	}
	m.server, _ = usageOf(s.cfg.PID)
	return m
}

// watchers are the histograms of a measurement, with what was in them before.
type watchers struct {
	delays, lazy, late counts
}

// measure does everything up to the end of the measurement. It returns a result when it has begun, and an error before.
func (s *step) measure(ctx context.Context) (*Result, error) {
	s.before, _ = usageOf(s.cfg.PID)
	if err := s.publish(ctx); err != nil {
		return nil, err
	}
	s.phase.Store(phaseJoining)
	if err := s.join(ctx); err != nil {
		return nil, err
	}
	s.phase.Store(phaseWarming)
	if !wait(ctx, s.cfg.Warm) {
		return nil, ctx.Err()
	}
	return s.window(ctx), nil
}

// window is the measurement itself.
func (s *step) window(ctx context.Context) *Result {
	result := &Result{Step: s.Step}
	before := watchers{delays: s.delays.begin(), lazy: s.lazyDelays.begin(), late: s.lateness.begin()}
	series := before.delays
	first := s.moment()
	last, memory := first, first.server.memory
	s.since.Store(int64(first.at))
	s.phase.Store(phaseMeasuring)
	n := min(max(int(s.cfg.Duration/time.Second), 1), points)
	for i := range n {
		due := first.at + s.cfg.Duration*time.Duration(i+1)/time.Duration(n)
		wait(ctx, due-s.clock())
		m := s.moment()
		memory = max(memory, m.server.memory)
		result.Series = append(result.Series, s.point(first.at, &last, &m, s.delays.take(&series)))
		last = m
		if ctx.Err() != nil {
			result.Interrupted = true
			break
		}
	}
	s.sum(result, &first, &last, &before)
	s.process(result, &first, &last, memory)
	return result
}

func (s *step) point(begin time.Duration, last, now *moment, delays counts) Point {
	seconds := (now.at - last.at).Seconds()
	return Point{
		Seconds:    (now.at - begin).Seconds(),
		Mbit:       megabits(now.bytesOut-last.bytesOut) / seconds,
		CPUPercent: (now.server.cpu - last.server.cpu).Seconds() / seconds * 100,
		DelayP50:   milliseconds(delays.quantile(.5)),
		DelayP99:   milliseconds(delays.quantile(.99)),
		Memory:     now.server.memory,
	}
}

func megabits(bytes uint64) float64 { return float64(bytes) * 8 / 1e6 }

// sum fills in what was counted between two moments.
func (s *step) sum(r *Result, first, last *moment, before *watchers) {
	r.Seconds = (last.at - first.at).Seconds()
	if s.Publishers > 0 {
		late := s.lateness.take(&before.late)
		r.Publish = &PublishResult{
			Messages: last.messagesIn - first.messagesIn, Bytes: last.bytesIn - first.bytesIn,
			Mbit:   megabits(last.bytesIn-first.bytesIn) / r.Seconds,
			LateMS: late.spread(), BlockedMS: milliseconds(last.blocked - first.blocked),
		}
	}
	if s.Players > 0 {
		delays, lazy := s.delays.take(&before.delays), s.lazyDelays.take(&before.lazy)
		r.Play = &PlayResult{
			Messages: last.messagesOut - first.messagesOut, Bytes: last.bytesOut - first.bytesOut,
			Mbit:     megabits(last.bytesOut-first.bytesOut) / r.Seconds,
			Unmarked: last.unmarked - first.unmarked, DelayMS: delays.spread(), LazyDelayMS: lazy.spread(),
		}
	}
}

// process fills in what the server and this program have used.
func (s *step) process(r *Result, first, last *moment, memory int64) {
	own := (last.own - first.own).Seconds() / r.Seconds * 100
	r.Generator = Generator{CPUPercent: own, Cores: runtime.NumCPU()}
	if s.cfg.PID == 0 {
		return
	}
	cpu := (last.server.cpu - first.server.cpu).Seconds()
	p := &Process{
		PID: s.cfg.PID, CPUSeconds: cpu, CPUPercent: cpu / r.Seconds * 100,
		MemoryBefore: s.before.memory, MemoryPeak: memory,
	}
	if r.Play != nil && r.Play.Bytes > 0 {
		p.PerGbitOut = cpu / (megabits(r.Play.Bytes) / 1000)
	}
	if r.Publish != nil && r.Publish.Bytes > 0 {
		p.PerGbitIn = cpu / (megabits(r.Publish.Bytes) / 1000)
	}
	if n := s.publishers.read().Connected + s.players.read().Connected; n > 0 {
		p.PerConnection = (first.server.memory - s.before.memory) / int64(n)
	}
	r.Process = p
}

// finish fills in what is known when everything has ended.
func (s *step) finish(r *Result) {
	if r.Play != nil {
		s.finishPlayers(r.Play, time.Duration(s.since.Load())+time.Duration(r.Seconds*float64(time.Second)))
	}
	if r.Publish != nil {
		r.Publish.Connections = s.publishers.read()
	}
	r.Generator.Warnings = s.warnings(r)
}

// finishPlayers sums up the players of a measurement that ended at last.
func (s *step) finishPlayers(r *PlayResult, last time.Duration) {
	var first, firstKey histogram
	for _, p := range s.all {
		if p.over {
			s.players.closed(p.failed)
		}
		p.pause(last)
		p.addTo(r, p.faults())
		if p.watched && p.firstMedia > 0 {
			first.add(p.firstMedia - p.dialled)
		}
		if p.watched && p.firstKey > 0 {
			firstKey.add(p.firstKey - p.dialled)
		}
	}
	r.FirstMS, r.FirstKeyMS = first.read().spread(), firstKey.read().spread()
	r.Connections = s.players.read()
}

// addTo adds what one player has received to the sums.
func (p *player) addTo(r *PlayResult, f faults) {
	r.Lost += f.lost
	r.Gaps += f.gaps
	r.Repeated += f.repeated
	r.OutOfOrder += f.outOfOrder
	r.Stalls += p.pauses
	r.LongestStall = max(r.LongestStall, milliseconds(p.longest))
	if f.lost > 0 {
		r.Lossy++
	}
	if p.firstMedia == 0 && !p.step.cfg.Idle {
		r.Silent++
	}
}

// From these on, the figures say more about this program than about the server.
const (
	busyPercent = 90 // of its cores
	lateAfter   = 20 // ms, p99
)

func (s *step) warnings(r *Result) (all []string) {
	if used := r.Generator.CPUPercent / float64(r.Generator.Cores); used > busyPercent {
		all = append(all, fmt.Sprintf("leat bench itself used %.0f %% of its %d cores: the load may be less than was asked for, and the delays are its own",
			used, r.Generator.Cores))
	}
	if p := r.Publish; p != nil && p.LateMS.P99 > lateAfter {
		all = append(all, fmt.Sprintf("what was to be published came late from here (p99 %.0f ms): give leat bench a core of its own", p.LateMS.P99))
	}
	return all
}
