// Package host puts the runtimes of one machine together, as the server, its
// doctor and the benchmarks use them: each with its options, over one manager
// of workspaces. It is the only package that names the implementations; a new
// runtime is one more entry of its table.
package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/bun"
	"github.com/codebeaker/codebeaker/runtimes/deno"
	"github.com/codebeaker/codebeaker/runtimes/docker"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/diskimage"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
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
	// Guest is the agent's program; "" is the one that this program carries, or
	// is found as package guestbin says.
	Guest string
	// DockerHost is the engine's address; "" is DOCKER_HOST or the usual one.
	DockerHost string
	// ImageTag is the tag of the languages' images; "" is latest.
	ImageTag string
	// BuildImages is the script of Host.BuildImages, which is called after Open;
	// "" is none.
	BuildImages string
	// AllowImages are the images a session may name.
	AllowImages runtimes.Images
	// AllowNetworks are addresses that sessions with network internet may
	// reach although they are not public.
	AllowNetworks []netip.Prefix
	// Storage says where the files of sessions live: auto, memory or disk; "" is
	// auto.
	Storage string
	Logger  *slog.Logger // required
}

// Host is the runtimes of one machine.
type Host struct {
	Runtimes   []runtimes.Runtime
	workspaces *workspace.Manager
	groups     *cgroup.Finder
	network    *egress.Counters
	log        *slog.Logger
	options    Options
	expected   atomic.Bool // images will be built
}

// NetworkCounts are what all sessions with a network carried.
type NetworkCounts = egress.Counts

// RunRelay is the first call of the main function of every program that opens
// a Host: a session's network is carried by the same program in a process of
// its own, which never returns from here.
func RunRelay() { egress.RunRelay() }

// entry makes one kind of runtime.
type entry struct {
	kind runtimes.Type
	make func(Options, *Host) (runtimes.Runtime, error)
}

// table are the runtimes of this project. docs/runtimes.md, "Adding a runtime",
// says how one is added.
var table = []entry{
	{runtimes.Bun, func(o Options, h *Host) (runtimes.Runtime, error) { return bun.New(o.boxed(h)), nil }},
	{runtimes.Deno, func(o Options, h *Host) (runtimes.Runtime, error) { return deno.New(o.boxed(h)), nil }},
	{runtimes.Native, func(o Options, h *Host) (runtimes.Runtime, error) { return native.New(o.boxed(h)), nil }},
	{runtimes.Docker, newDocker},
}

// madeForLoad is the runtime that is offered only when it is named.
const madeForLoad = "fake"

// Names returns the runtimes that Options.Names may hold, sorted, without the
// one that is made for load tests.
func Names() []string {
	var names []string
	for _, e := range table {
		names = append(names, strings.ToLower(e.kind.String()))
	}
	slices.Sort(names)
	return names
}

// maker finds the entry of a name.
func maker(name string) func(Options, *Host) (runtimes.Runtime, error) {
	if name == madeForLoad {
		return newFake
	}
	for _, e := range table {
		if strings.EqualFold(e.kind.String(), name) {
			return e.make
		}
	}
	return nil
}

func (o Options) boxed(h *Host) native.Options {
	return native.Options{
		DataDir: o.DataDir, Mark: o.Mark, ToolsDir: o.ToolsDir, Workspaces: h.workspaces, Guest: o.Guest,
		Groups: h.groups, Egress: h.egress(o), Logger: o.Logger,
	}
}

// egress is what sessions may reach; all runtimes count together.
func (h *Host) egress(o Options) egress.Options {
	return egress.Options{Policy: egress.Policy{Allow: o.AllowNetworks}, Counters: h.network}
}

func newDocker(o Options, h *Host) (runtimes.Runtime, error) {
	return docker.New(docker.Options{
		DataDir: o.DataDir, Mark: o.Mark, Host: o.DockerHost, Workspaces: h.workspaces, Guest: o.Guest,
		Images: docker.Images(o.ImageTag), BuildDir: o.buildDir(), WillBuild: h.expected.Load, AllowImages: o.AllowImages, Groups: h.groups, Egress: h.egress(o), Logger: o.Logger,
	})
}

// Open makes the runtimes and finds the control groups, for which systemd may
// take this process into a scope. Nothing is swept or probed yet.
// Errors: a name that is not in Names; a data directory that is in use; a Storage
// that this host cannot give.
func Open(o Options) (*Host, error) {
	if o.Names == nil {
		o.Names = Names()
	}
	if o.Guest != "" {
		path, err := filepath.Abs(o.Guest) // an agent starts in another directory
		if err != nil {
			return nil, err
		}
		o.Guest = path
	}
	manager, err := newManager(o)
	if err != nil {
		return nil, err
	}
	h := &Host{workspaces: manager, groups: cgroup.NewFinder(o.Logger), network: &egress.Counters{}, log: o.Logger, options: o}
	h.expected.Store(o.BuildImages != "")
	h.groups.Hierarchy()
	for _, name := range o.Names {
		name = strings.ToLower(strings.TrimSpace(name))
		make := maker(name)
		if make == nil {
			return nil, errors.Join(fmt.Errorf("there is no runtime %q; there are %s", name, strings.Join(Names(), ", ")), h.Close())
		}
		rt, err := make(o, h)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the runtime %s: %w", name, err), h.Close())
		}
		h.Runtimes = append(h.Runtimes, rt)
	}
	return h, nil
}

func newManager(o Options) (*workspace.Manager, error) {
	storage, err := workspace.ParseStorage(cmp.Or(o.Storage, workspace.Auto.String()))
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(o.DataDir, "workspaces")
	return workspace.New(workspace.Options{Dir: dir, Mark: o.Mark, Storage: storage, Images: diskimage.New(dir, o.Mark), Logger: o.Logger})
}

// CheckStorage reports a name that Options.Storage may not have.
func CheckStorage(name string) error {
	_, err := workspace.ParseStorage(name)
	return err
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

// Network returns what all sessions with a network have carried.
func (h *Host) Network() NetworkCounts { return h.network.Counts() }

// Quota reports whether workspaces have a size limit here, and why not.
func (h *Host) Quota() (enforced bool, reason string) { return h.workspaces.Quota() }

// OnDisk reports whether sessions can have a larger disk than their share of
// memory, and why not.
func (h *Host) OnDisk() (possible bool, reason string) { return h.workspaces.OnDisk() }

// Groups says which control groups are used, "none" where there are none, and
// what is missing and how to get it; "" is nothing.
func (h *Host) Groups() (use, missing string) { return h.groups.Report() }

// Close frees the runtimes; their environments are closed before.
func (h *Host) Close() error {
	var errs []error
	for _, rt := range slices.Backward(h.Runtimes) {
		errs = append(errs, rt.Close())
	}
	return errors.Join(append(errs, h.workspaces.Close())...)
}

// FindTools is where `make tools` puts Bun and Deno: .cache/tools/bin in the
// working directory, in that of this program, or above one of them; "" when it
// is nowhere.
func FindTools() string {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, dir := range starts {
		for {
			tools := filepath.Join(dir, ".cache", "tools", "bin")
			if _, err := os.Stat(tools); err == nil {
				return tools
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return ""
}

// newFake makes the runtime that load tests drive the server with: its programs
// are functions of the server, so that thousands of sessions cost only what the
// server itself does. It runs no code of anyone, isolates nothing and says so:
// its score is 0. It stands in Native's place.
func newFake(o Options, _ *Host) (runtimes.Runtime, error) {
	return fake.New(fake.Options{Type: runtimes.Native, Dir: o.DataDir, Programs: map[string]fake.Program{"echo": echo}}), nil
}

// echo is the program of that name.
func echo(r *fake.Run) int {
	if _, err := r.Stdout().Write([]byte(strings.Join(r.Args(), " ") + "\n")); err != nil {
		return 1
	}
	return 0
}
