package boxed

import (
	"context"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// retryInterval is how soon a probe that did not find everything is worth
// repeating though the tools are the same: a setting of the host may have
// changed.
const retryInterval = 30 * time.Second

// lastProbe is what decides whether another one is worth it. Its zero value is
// no probe. It is safe for use by several goroutines.
type lastProbe struct {
	mu       sync.Mutex
	mark     string // fingerprint of the tools and the control groups
	complete bool   // every language of the kit worked
	at       time.Time
}

func (p *lastProbe) set(mark string, complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mark, p.complete, p.at = mark, complete, time.Now()
}

func (p *lastProbe) outdated(mark string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mark != mark || !p.complete && time.Since(p.at) >= retryInterval
}

var _ runtimes.Watcher = (*Runtime)(nil)

// Changed reports whether a tool was installed, replaced or removed since the
// last Probe, or control groups came to be had, or whether that one is worth
// repeating. It implements
// runtimes.Watcher.
func (r *Runtime) Changed(context.Context) bool {
	return r.last.outdated(r.fingerprint(&Host{Options: &r.options}))
}
