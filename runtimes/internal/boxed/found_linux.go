package boxed

import (
	"context"
	"fmt"
	"os"
	"strings"

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
		return nil, err
	}
	base, err := box.HostBase()
	if err != nil {
		return nil, err
	}
	kit, err := r.flavor.Find(ctx, host)
	if err != nil {
		return nil, err
	}
	r.found = &found{kit: kit, base: base, guest: guest, groups: r.options.Groups.Hierarchy(), mark: mark}
	r.startWarming(&r.found.kit)
	return r.found, nil
}

func (r *Runtime) guest() (string, error) {
	if r.options.Guest != "" {
		return r.options.Guest, nil
	}
	return guestbin.Find()
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
		r.warms = append(r.warms, warm)
	}
}
