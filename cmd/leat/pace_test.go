package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

func TestPacer(t *testing.T) {
	packets := later(mediatest.AVC(10*time.Second), time.Hour)
	for i := range 3 {
		packets[i].Timestamp = 0 // headers, far away from the first frame
	}
	for speed, want := range map[float64]time.Duration{0: 0, 1: 9984 * time.Millisecond, 4: 2496 * time.Millisecond, 0.5: 19968 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := pacer{speed: speed}
			begun := time.Now()
			for _, p := range packets {
				if err := c.wait(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				if due := time.Duration(float64(p.Timestamp-time.Hour) / speed); speed > 0 && !p.Config && time.Since(begun) < due {
					t.Fatalf("speed %v: the packet at %v passes after %v", speed, p.Timestamp, time.Since(begun))
				}
				time.Sleep(time.Millisecond) // a write that takes a while adds nothing
			}
			if took := time.Since(begun).Truncate(time.Millisecond); speed > 0 && (took < want || took > want+5*time.Millisecond) {
				t.Errorf("speed %v: %v, want %v", speed, took, want)
			}
		})
	}
}

func TestPacerLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pacer{speed: 1}
		frame := func(at time.Duration) *media.Packet { return &media.Packet{Kind: media.Audio, Timestamp: at} }
		begun := time.Now()
		for _, step := range []struct{ pause, at, want time.Duration }{
			{0, 0, 0},
			{5 * time.Second, time.Second, 5 * time.Second}, // late: at once
			{0, 2 * time.Second, 5 * time.Second},
			{0, 6 * time.Second, 6 * time.Second}, // on time again
			{0, 3 * time.Second, 6 * time.Second}, // a step back
		} {
			time.Sleep(step.pause)
			if err := c.wait(t.Context(), frame(step.at)); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(begun); got != step.want {
				t.Errorf("the frame at %v passes after %v, want %v", step.at, got, step.want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.wait(ctx, frame(time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an interrupted wait returns %v", err)
		}
		if err := c.wait(ctx, frame(0)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait with a context that is over returns %v", err)
		}
	})
}

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := patience{limit: time.Second}
		ctx, stop := p.begin(t.Context())
		defer stop()
		begun := time.Now()
		for range 3 {
			time.Sleep(900 * time.Millisecond)
			p.again()
		}
		<-ctx.Done()
		if took := time.Since(begun); took != 3700*time.Millisecond || !errors.Is(context.Cause(ctx), errImpatient) {
			t.Errorf("over after %v for %v", took, context.Cause(ctx))
		}

		rested := patience{limit: time.Second}
		ctx, stop = rested.begin(t.Context())
		rested.rest()
		time.Sleep(time.Hour)
		if ctx.Err() != nil {
			t.Error("it ends although it rests")
		}
		stop()

		var endless patience
		ctx, stop = endless.begin(t.Context())
		endless.again()
		endless.rest()
		stop()
		if ctx.Err() != nil {
			t.Error("it ends without a limit")
		}
	})
}
