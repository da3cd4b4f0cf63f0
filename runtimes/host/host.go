// Package host puts the runtimes of one machine together, as the server, its
// doctor and the benchmarks use them: each with its options, over one manager
// of workspaces. It is the only package that names the implementations; a new
// runtime is one more line in its table.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/bun"
	"github.com/codebeaker/codebeaker/runtimes/deno"
	"github.com/codebeaker/codebeaker/runtimes/docker"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
	"github.com/codebeaker/codebeaker/runtimes/native"
)

// Options say what of a machine to use.
type Options struct {
	// Names are those of the runtimes to offer; see Names. Nil is all. "fake"
	// is the one that load tests drive: see fake.go.
	Names []string
	// DataDir holds workspaces and caches. One Host uses it at a time.
	DataDir string
	// Mark names DataDir on engines and in control groups. Letters and digits.
	Mark string
	// ToolsDir is searched for bun and deno when they are not on PATH.
	ToolsDir string
	// Guest is the agent's program; "" searches for it.
	Guest string
	// DockerHost is the engine's address; "" is DOCKER_HOST or the usual one.
	DockerHost string
	// AllowImages are the images a session may name.
	AllowImages []string
	Logger      *slog.Logger // required
}

// Host is the runtimes of one machine.
type Host struct {
	Runtimes   []runtimes.Runtime
	workspaces *workspace.Manager
	log        *slog.Logger
}

// table makes a runtime of each name.
var table = map[string]func(Options, *workspace.Manager) (runtimes.Runtime, error){
	"bun": func(o Options, m *workspace.Manager) (runtimes.Runtime, error) {
		return bun.New(o.boxed("bun", m)), nil
	},
	"deno": func(o Options, m *workspace.Manager) (runtimes.Runtime, error) {
		return deno.New(o.boxed("deno", m)), nil
	},
	"native": func(o Options, m *workspace.Manager) (runtimes.Runtime, error) {
		return native.New(o.boxed("native", m)), nil
	},
	"docker": newDocker,
}

// madeForLoad are the runtimes that are offered only when they are named.
var madeForLoad = map[string]func(Options, *workspace.Manager) (runtimes.Runtime, error){
	"fake": newFake,
}

// Names returns the runtimes that Options.Names may hold, sorted, without those
// that are made for load tests.
func Names() []string { return slices.Sorted(maps.Keys(table)) }

func (o Options) boxed(name string, m *workspace.Manager) native.Options {
	return native.Options{
		DataDir: o.DataDir, Mark: o.Mark, ToolsDir: o.ToolsDir, Workspaces: m, Guest: o.Guest,
		Logger: o.Logger.With("runtime", name),
	}
}

func newDocker(o Options, m *workspace.Manager) (runtimes.Runtime, error) {
	guest := o.Guest
	if guest == "" {
		// Without an agent the runtime says so in its availability.
		guest, _ = guestbin.Find()
	}
	return docker.New(docker.Options{
		DataDir: o.DataDir, Mark: o.Mark, Host: o.DockerHost, Workspaces: m, Guest: guest,
		AllowImages: o.AllowImages, Logger: o.Logger.With("runtime", "docker"),
	})
}

// Open makes the runtimes. Nothing is swept or probed yet.
// Errors: a name that is not in Names; a data directory that is in use.
func Open(o Options) (*Host, error) {
	if o.Names == nil {
		o.Names = Names()
	}
	manager, err := workspace.New(workspace.Options{Dir: filepath.Join(o.DataDir, "workspaces"), Mark: o.Mark})
	if err != nil {
		return nil, err
	}
	h := &Host{workspaces: manager, log: o.Logger}
	for _, name := range o.Names {
		name = strings.ToLower(strings.TrimSpace(name))
		make, known := table[name]
		if !known {
			make, known = madeForLoad[name]
		}
		if !known {
			return nil, errors.Join(fmt.Errorf("there is no runtime %q; there are %s", name, strings.Join(Names(), ", ")), h.Close())
		}
		rt, err := make(o, manager)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the runtime %s: %w", name, err), h.Close())
		}
		h.Runtimes = append(h.Runtimes, rt)
	}
	return h, nil
}

// Sweep removes what an earlier life of the data directory left behind: first
// the environments, then the workspaces they used. What cannot be removed is
// logged and does not keep the server from starting.
func (h *Host) Sweep(ctx context.Context) {
	for _, rt := range h.Runtimes {
		if err := rt.Sweep(ctx); err != nil {
			h.log.Warn("something is left of an earlier server", "runtime", rt.Type().String(), "error", err)
		}
	}
	if err := h.workspaces.Sweep(ctx); err != nil {
		h.log.Warn("workspaces are left of an earlier server", "error", err)
	}
}

// Quota reports whether workspaces have a size limit here, and why not.
func (h *Host) Quota() (enforced bool, reason string) { return h.workspaces.Quota() }

// Close frees the runtimes; their environments are closed before.
func (h *Host) Close() error {
	var errs []error
	for _, rt := range slices.Backward(h.Runtimes) {
		errs = append(errs, rt.Close())
	}
	return errors.Join(append(errs, h.workspaces.Close())...)
}
