package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// publishSummary is what --json prints at the end, for each target.
type publishSummary struct {
	URL        string `json:"url"`
	Ended      ending `json:"ended"`
	Reason     string `json:"reason,omitempty"`
	Packets    int64  `json:"packets"`
	Bytes      int64  `json:"bytes"`       // of message bodies
	DurationMS int64  `json:"duration_ms"` // of the media
	ElapsedMS  int64  `json:"elapsed_ms"`
	Dropped    int64  `json:"dropped,omitempty"` // packets left out because the server was slow
	Missed     int64  `json:"missed,omitempty"`  // packets that came while there was no connection
	Reconnects int    `json:"reconnects,omitempty"`
	Passes     int    `json:"passes"` // of the file, the last one perhaps in part
}

// summary prints that of a delivery that is over. failed is what was wrong with the source.
func (p *publication) summary(d *delivery, failed error) error {
	queue := d.queue.Stats()
	sum := publishSummary{
		URL:        d.target.String(),
		Ended:      d.ended,
		Packets:    d.packets,
		Bytes:      d.bytes,
		DurationMS: (d.last - d.first).Milliseconds(),
		ElapsedMS:  time.Since(p.begun).Milliseconds(),
		Dropped:    queue.Disposable + queue.Dropped + queue.Overflowed,
		Missed:     queue.Missed,
		Reconnects: d.reconnects,
		Passes:     1,
	}
	if p.loop != nil {
		sum.Passes += p.loop.passes
	}
	if d.err != nil {
		failed = d.err
	}
	if failed != nil {
		sum.Reason = failed.Error()
	}
	if err := json.NewEncoder(p.out).Encode(&sum); err != nil {
		return fmt.Errorf("print the summary: %w", err)
	}
	return nil
}

// publishStats is what --stats --json prints every second.
type publishStats struct {
	ElapsedMS int64         `json:"elapsed_ms"`
	Targets   []targetStats `json:"targets"`
}

// targetStats is a target in the second that has passed; the last three count from the start.
type targetStats struct {
	URL        string        `json:"url"`
	State      deliveryState `json:"state"`
	BitRate    int64         `json:"bit_rate"` // bits per second, of message bodies
	FPS        float64       `json:"fps"`      // of the first video track
	QueueMS    int64         `json:"queue_ms"` // how long the oldest packet has waited
	QueueBytes int           `json:"queue_bytes"`
	Dropped    int64         `json:"dropped"`
	Missed     int64         `json:"missed"`
	Reconnects int           `json:"reconnects"`

	bytes, frames int64 // from the start
}

// String returns the line for people.
func (s *targetStats) String() string {
	return fmt.Sprintf("%s %s %s %.1f fps queue %d ms dropped %d missed %d reconnects %d",
		s.URL, s.State, bitRate(float64(s.BitRate)), s.FPS, s.QueueMS, s.Dropped, s.Missed, s.Reconnects)
}

// report prints a line for each target every second until ctx is done.
func (p *publication) report(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	before := make([]targetStats, len(p.deliveries))
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			stats := publishStats{ElapsedMS: now.Sub(p.begun).Milliseconds()}
			for i, d := range p.deliveries {
				s := d.statistics(&before[i], now.Sub(last))
				before[i], stats.Targets = s, append(stats.Targets, s)
			}
			last = now
			if p.printStats(&stats) != nil {
				return // nobody reads it any more; the stream goes on
			}
		}
	}
}

func (p *publication) printStats(s *publishStats) error {
	if p.json {
		return json.NewEncoder(p.out).Encode(s)
	}
	for i := range s.Targets {
		p.console.say("%s %v", clock(time.Duration(s.ElapsedMS)*time.Millisecond), &s.Targets[i])
	}
	return nil
}

// statistics returns what has happened since before, which was the given time ago.
func (d *delivery) statistics(before *targetStats, ago time.Duration) targetStats {
	queue := d.queue.Stats()
	d.mu.Lock()
	defer d.mu.Unlock()
	return targetStats{
		URL:        d.target.String(),
		State:      d.state,
		BitRate:    int64(float64(8*(d.bytes-before.bytes)) / ago.Seconds()),
		FPS:        math.Round(10*float64(d.frames-before.frames)/ago.Seconds()) / 10,
		QueueMS:    queue.Age.Milliseconds(),
		QueueBytes: queue.Bytes,
		Dropped:    queue.Disposable + queue.Dropped + queue.Overflowed,
		Missed:     queue.Missed,
		Reconnects: d.reconnects,
		bytes:      d.bytes,
		frames:     d.frames,
	}
}
