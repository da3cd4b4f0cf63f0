package boxed

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin"
)

// found is what a search of the host found.
type found struct {
	kit   Kit
	base  box.Base
	guest string
	// groups is nil where the server can make no control groups.
	groups *cgroup.Hierarchy
	// mark is the fingerprint of what was found.
	mark string
}

// find searches the host for the flavor's tools, or returns what it found
// before as long as the fingerprint is the same.
func (r *Runtime) find(ctx context.Context) (*found, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	host := &Host{Options: &r.options}
	mark := r.fingerprint(host)
	if r.found != nil && r.found.mark == mark {
		return r.found, nil
	}
	guest, err := r.guest()
	if err != nil {
		return nil, noGuest(err)
	}
	base, err := box.HostBase()
	if err != nil {
		return nil, noBase(err)
	}
	kit, err := r.flavor.Find(ctx, host)
	if err != nil {
		return nil, err
	}
	r.keepWarms(&kit)
	r.found = &found{kit: kit, base: base, guest: guest, groups: r.options.Groups.Hierarchy(), mark: mark}
	r.startWarming(&r.found.kit)
	return r.found, nil
}

func (r *Runtime) guest() (string, error) {
	path := r.options.Guest
	if path == "" {
		var err error
		if path, err = guestbin.Find(runtime.GOARCH, r.options.DataDir); err != nil {
			return "", err
		}
	}
	return path, guestbin.Executable(path)
}

// forgetBroken makes the next find search again where a tool did not work: it
// may do so now though its file is the same.
func (r *Runtime) forgetBroken() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.found != nil && r.found.broken() {
		r.found = nil
	}
}

// broken reports whether a tool is there and does not work.
func (f *found) broken() bool {
	return slices.ContainsFunc(f.kit.Problems, func(p runtimes.Problem) bool { return !p.Absent })
}

// fingerprint tells whether the flavor's programs are the files they were, and
// the control groups what they were.
func (r *Runtime) fingerprint(host *Host) string {
	var mark strings.Builder
	if groups := r.options.Groups.Hierarchy(); groups != nil {
		fmt.Fprintln(&mark, groups)
	}
	for _, name := range r.flavor.Programs {
		for _, path := range host.candidates(name) {
			if info, err := os.Stat(path); err == nil {
				fmt.Fprintln(&mark, path, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return mark.String()
}

// startWarming fills the caches of a kit in the background.
func (r *Runtime) startWarming(kit *Kit) {
	for i := range kit.Languages {
		warm := kit.Languages[i].Warm
		if warm == nil || r.life.Err() != nil {
			continue
		}
		warm.start(r.life, func(err error) {
			r.options.logger().Warn("a cache could not be filled; first runs will be slow",
				"language", kit.Languages[i].Language.String(), "error", err)
		})
		r.warms[warm.Dir] = warm
	}
}

// keepWarms has a kit that was found again use the caches of before, one of
// which may be being filled.
func (r *Runtime) keepWarms(kit *Kit) {
	for i := range kit.Languages {
		if warm := kit.Languages[i].Warm; warm != nil && r.warms[warm.Dir] != nil {
			kit.Languages[i].Warm = r.warms[warm.Dir]
		}
	}
}

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
