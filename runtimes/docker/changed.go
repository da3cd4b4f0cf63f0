package docker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// How soon a probe of an engine that answers and did not offer everything is
// worth repeating.
const (
	// retryInterval: nothing works, or an image is missing, which may have been
	// built meanwhile.
	retryInterval = 30 * time.Second
	// brokenInterval: an image does not work, and others do. To try it again
	// costs a container.
	brokenInterval = 5 * time.Minute
)

// retryOf is that time, zero for a probe that found nothing wrong.
func retryOf(a *runtimes.Availability) time.Duration {
	switch {
	case a.Available && slices.ContainsFunc(a.Problems, func(p runtimes.Problem) bool { return !p.Absent }):
		return brokenInterval
	case len(a.Problems) > 0:
		return retryInterval
	}
	return 0
}

// lastProbe is what decides whether another one is worth it. Its zero value is
// no probe. It is safe for use by several goroutines.
type lastProbe struct {
	mu       sync.Mutex
	at       time.Time // zero: there was none
	answered bool      // the engine did
	retry    time.Duration
}

func (p *lastProbe) set(answered bool, retry time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.answered, p.retry = time.Now(), answered, retry
}

func (p *lastProbe) outdated(answers bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at.IsZero() || p.answered != answers || answers && p.retry > 0 && time.Since(p.at) >= p.retry
}

var _ runtimes.Watcher = (*Runtime)(nil)

// Changed reports whether the engine answers again, or no longer, or whether
// the last Probe is worth repeating. It implements runtimes.Watcher.
func (r *Runtime) Changed(ctx context.Context) bool {
	return r.last.outdated(r.engine.ping(ctx) == nil)
}
