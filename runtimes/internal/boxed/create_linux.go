package boxed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// Create makes an environment: see runtimes.Runtime.
func (r *Runtime) Create(ctx context.Context, spec runtimes.Spec) (runtimes.Environment, error) {
	if spec.Network == runtimes.Internet {
		if err := tunnel.Available(); err != nil {
			return nil, r.fail("set up network", reason.NoTunnel, err)
		}
	}
	found, err := r.find(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		p := problemOf(err)
		return nil, r.fail(p.Step, p.Reason, p.Err)
	}
	language := found.kit.language(spec.Language)
	if language == nil {
		return nil, r.notServed(found, spec.Language)
	}
	return r.make(ctx, found, language, spec)
}

// notServed says why the host's tools do not serve a language.
func (r *Runtime) notServed(found *found, l runtimes.Language) error {
	for i := range found.kit.Problems {
		if p := &found.kit.Problems[i]; slices.Contains(p.Languages, l) {
			return r.fail(p.Step, p.Reason, p.Err)
		}
	}
	return r.fail(stepTools, fmt.Sprintf("%s does not serve %s on this host: name another runtime, or none", r.flavor.Type, l),
		errors.New("no tool"))
}

func (r *Runtime) fail(step, reason string, err error) error {
	return &runtimes.EnvironmentError{Runtime: r.flavor.Type, Step: step, Reason: reason, Err: err}
}

// make builds an environment step by step and takes back what was done when a
// step fails.
func (r *Runtime) make(ctx context.Context, found *found, language *Language, spec runtimes.Spec) (*Environment, error) {
	if spec.Name == "" {
		spec.Name = strings.ToLower(ulid.Make().String())
	}
	m := &making{r: r, found: found, language: language, spec: spec, e: &Environment{
		id: r.name() + "-" + spec.Name + "-" + strings.ToLower(ulid.Make().String()[18:]), runtime: r.flavor.Type,
		left: &r.left, log: r.options.logger(), mark: found.mark,
	}}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{stepWorkspace, m.makeWorkspace}, {stepGroup, m.makeGroup}, {stepStart, m.startBox},
		{stepGuest, m.openLink}, {stepRelay, m.startRelay}, {stepLimits, m.readLimits},
	} {
		if err := step.do(ctx); err != nil {
			stderr := m.undo()
			if cause := context.Cause(ctx); cause != nil {
				return nil, cause
			}
			why := reasonFor(step.name, err, stderr)
			if stderr != "" {
				err = fmt.Errorf("%w; the guest said: %s", err, stderr)
			}
			return nil, r.fail(step.name, why, err)
		}
	}
	m.e.workspace.ChargeTo(m.e.link.Reserve)
	m.e.watch()
	return m.e, nil
}

// making is an environment in the making.
type making struct {
	r        *Runtime
	found    *found
	language *Language
	spec     runtimes.Spec
	e        *Environment
	cfg      box.Config
	device   *os.File // the network interface, until the relay has it
}

// undo ends what was begun. It returns what the agent had to say.
func (m *making) undo() (stderr string) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := m.e.takeBack(ctx); err != nil {
		m.r.options.logger().Error("an environment in the making could not be taken back", "environment", m.e.id, "error", err)
	}
	if m.e.box != nil {
		stderr = strings.TrimSpace(m.e.box.Stderr()) // all of it, now that the agent is gone
	}
	if m.e.workspace != nil && m.spec.Workspace == nil {
		m.e.workspace.Close()
	}
	return stderr
}

func (m *making) makeWorkspace(ctx context.Context) error {
	if m.spec.Workspace != nil {
		given, ok := m.spec.Workspace.(*workspace.Directory)
		if !ok {
			return fmt.Errorf("a %T is not a workspace of this host", m.spec.Workspace)
		}
		m.e.workspace = given
		return nil
	}
	made, err := m.r.options.Workspaces.Create(ctx, workspace.CreateOptions{
		Session: m.spec.Name, DiskBytes: m.spec.Limits.DiskBytes, Asked: m.spec.DiskAsked,
		MemoryBytes: m.spec.Limits.MemoryBytes,
	})
	m.e.workspace = made
	return err
}

func (m *making) makeGroup(ctx context.Context) error {
	if m.found.groups == nil {
		return nil
	}
	m.e.groupName = m.r.groupName(m.spec.Name + "." + m.e.id)
	group, err := m.found.groups.Create(m.e.groupName, cgroup.Limits{
		MemoryBytes: m.spec.Limits.MemoryBytes, CPUs: m.spec.Limits.CPUs, // the link bounds the programs' number
	})
	m.e.group = group
	return err
}

// startBox starts the agent. It is born in its control group, so that nothing
// it makes escapes the limits.
func (m *making) startBox(ctx context.Context) error {
	userNamespace := os.Geteuid() != 0
	u := user{m.e.workspace.UID(), m.e.workspace.GID()}
	if userNamespace {
		u = user{box.DefaultUID, box.DefaultUID}
	}
	files, err := m.directories(ctx)
	if err != nil {
		return err
	}
	birth, err := m.birth()
	if err != nil {
		return err
	}
	defer closeBirth(birth)
	m.cfg = layout(&m.found.kit, m.language, m.found.base, u, files, &m.spec)
	m.cfg.Processors = cpus.Host().Visible(m.spec.Limits.CPUs)
	m.e.box, err = box.Start(box.StartOptions{Guest: m.found.guest, UserNamespace: userNamespace, Birth: birth})
	if err == nil {
		return nil
	}
	if broken := guestbin.Executable(m.found.guest); broken != nil { // it was there when it was looked for
		err = errors.Join(noGuest(broken), err)
	}
	return err
}

// directories are those of the session that its box shows.
func (m *making) directories(ctx context.Context) (directories, error) {
	real, err := filepath.EvalSymlinks(m.e.workspace.Path())
	if err != nil {
		return directories{}, err
	}
	d := directories{workspace: real, asked: m.e.workspace.WantsDisk()}
	scratch, err := m.e.workspace.Scratch(ctx)
	if err != nil || scratch == nil {
		return d, err
	}
	if d.home, err = filepath.EvalSymlinks(scratch.Home); err != nil {
		return d, err
	}
	d.temporary, err = filepath.EvalSymlinks(scratch.Temporary)
	return d, err
}

// birth opens the control group for the agent to be born in.
func (m *making) birth() (box.Birth, error) {
	if m.e.group == nil {
		return box.Birth{}, nil
	}
	files, err := m.e.group.Tasks()
	if err != nil {
		return box.Birth{}, err
	}
	if m.e.group.Version() == cgroup.V2 {
		return box.Birth{Directory: files[0]}, nil
	}
	return box.Birth{Tasks: files}, nil
}

func closeBirth(b box.Birth) {
	for _, file := range slices.Concat(b.Tasks, []*os.File{b.Directory}) {
		file.Close() // nil is fine
	}
}
