package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// backoff paces attempts. The zero wait comes first.
type backoff struct {
	redial Redial
	next   time.Duration
	since  time.Time // of the first attempt since there was progress
}

func newBackoff(r Redial) *backoff { return &backoff{redial: r} }

// progress starts over.
func (b *backoff) progress() { b.next, b.since = 0, time.Time{} }

// wait waits before the next attempt. cause is why the last one failed; it is
// in the error when it is time to give up.
// Errors: ctx's cause; that.
func (b *backoff) wait(ctx context.Context, cause error) error {
	now := time.Now()
	if b.since.IsZero() {
		b.since = now
	}
	if b.redial.GiveUp > 0 && now.Sub(b.since) >= b.redial.GiveUp {
		return fmt.Errorf("no connection for %v: %w", b.redial.GiveUp, cause)
	}
	pause := b.next
	b.next = min(max(2*b.next, b.redial.First), b.redial.Max)
	if pause == 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(pause/2 + rand.N(pause/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
