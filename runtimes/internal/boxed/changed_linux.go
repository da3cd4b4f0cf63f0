package boxed

import (
	"context"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// How soon a probe that did not find everything is worth repeating though the
// tools are the same files.
const (
	// retryInterval: no box, or not each, could be made; a setting of the host
	// may have changed.
	retryInterval = 30 * time.Second
	// brokenInterval: a tool does not work, and others do; what it lacks may
	// have been installed.
	brokenInterval = 5 * time.Minute
)

// lastProbe is what decides whether another one is worth it. Its zero value is
// no probe. It is safe for use by several goroutines.
type lastProbe struct {
	mu    sync.Mutex
	mark  string        // fingerprint of the tools and the control groups
	retry time.Duration // zero: everything works
	at    time.Time     // zero: there was none
}

func (p *lastProbe) set(mark string, retry time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mark, p.retry, p.at = mark, retry, time.Now()
}

func (p *lastProbe) outdated(mark string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at.IsZero() || p.mark != mark || p.retry > 0 && time.Since(p.at) >= p.retry
}

var _ runtimes.Watcher = (*Runtime)(nil)

// Changed reports whether a tool was installed, replaced or removed since the
// last Probe, or control groups came to be had, or whether that one is worth
// repeating. It implements
// runtimes.Watcher.
func (r *Runtime) Changed(context.Context) bool {
	return r.last.outdated(r.fingerprint(&Host{Options: &r.options}))
}
