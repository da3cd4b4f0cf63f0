package runtimes

import (
	"context"
	"time"
)

// Watcher is a Runtime that can tell cheaply whether a new Probe is worth it:
// an engine that answers again, or no longer.
type Watcher interface {
	// Changed reports whether what the last Probe found is out of date.
	Changed(ctx context.Context) bool
}

// How often Watch looks.
const (
	watchInterval   = 2 * time.Second  // asks each Watcher
	reprobeInterval = 30 * time.Second // probes again what is not available
)

// Watch keeps the registry up to date until ctx ends, so that an engine
// started after the server is noticed within seconds.
func (r *Registry) Watch(ctx context.Context) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	lastProbe := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		again := time.Since(lastProbe) >= reprobeInterval
		for _, t := range r.order {
			if w, ok := r.runtimes[t].(Watcher); ok {
				if w.Changed(ctx) {
					r.probe(ctx, t)
				}
			} else if again && !r.Offer(t).Availability.Available {
				r.probe(ctx, t)
			}
		}
		if again {
			lastProbe = time.Now()
		}
	}
}
