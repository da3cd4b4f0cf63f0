package runtimes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// LogTo makes the registry log from now on what probes find, each thing once
// until it changes: a runtime that is available, one that is not and why, and a
// language that does not work where others do.
func (r *Registry) LogTo(log *slog.Logger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = log
}

// tell logs what a probe found, if it is news.
func (r *Registry) tell(t Type, a *Availability) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.log == nil || r.told[t] == news(a) {
		return
	}
	r.told[t] = news(a)
	log := r.log.With("runtime", t.String())
	if !a.Available {
		log.Warn("runtime not available", append([]any{"reason", a.Reason}, causes(a.Problems)...)...)
		return
	}
	log.Info("runtime available", "version", a.Version, "isolation", a.Isolation.Score, "languages", languageList(a.Languages))
	for i := range a.Problems {
		p := &a.Problems[i]
		level := slog.LevelWarn
		if p.Absent {
			level = slog.LevelInfo // the operator may well have meant it so
		}
		log.Log(context.Background(), level, "language not available",
			append([]any{"languages", languageList(p.Languages), "reason", p.Reason}, causes(a.Problems[i:i+1])...)...)
	}
}

// tellCut logs that a probe did not end in time.
func (r *Registry) tellCut(t Type, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.log != nil && errors.Is(why, context.DeadlineExceeded) {
		r.log.Info("runtime not probed in time; it is asked again in the background", "runtime", t.String())
	}
}

// causes are the attributes that say which step failed and why: those of the
// first problem, with the errors of the others of its kind.
func causes(problems []Problem) []any {
	if len(problems) == 0 {
		return nil
	}
	first := &problems[0]
	all := []error{first.Err}
	for i := range problems[1:] {
		if p := &problems[i+1]; first.Absent || !p.Absent {
			all = append(all, p)
		}
	}
	return []any{"step", first.Step, "error", errors.Join(all...)}
}

// news is what tells one finding from another. Words with digits are left out:
// a program that fails may name its process or the time in what it says, and
// differ every time.
func news(a *Availability) string {
	var text strings.Builder
	fmt.Fprintf(&text, "available: %t %s", a.Available, a.Reason)
	for i := range a.Problems {
		p := &a.Problems[i]
		fmt.Fprintf(&text, " %s %s: %s", languageList(p.Languages), p.Step, p.Reason)
	}
	var kept []string
	for _, word := range strings.Fields(text.String()) {
		if !strings.ContainsAny(word, "0123456789") {
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, " ")
}

func languageList(languages []Language) string {
	var names []string
	for _, l := range languages {
		names = append(names, l.String())
	}
	return strings.Join(names, ",")
}

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
// that comes or goes is noticed within seconds. Each runtime is watched by
// itself: the probe of one may take long.
func (r *Registry) Watch(ctx context.Context) {
	var all sync.WaitGroup
	for _, t := range r.order {
		all.Go(func() { r.watch(ctx, t) })
	}
	all.Wait()
}

func (r *Registry) watch(ctx context.Context, t Type) {
	watcher, watches := r.runtimes[t].(Watcher)
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	lastProbe := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if watches {
			if watcher.Changed(ctx) {
				r.probe(ctx, t)
			}
		} else if time.Since(lastProbe) >= reprobeInterval {
			if lastProbe = time.Now(); !r.Offer(t).Availability.Available {
				r.probe(ctx, t)
			}
		}
	}
}
