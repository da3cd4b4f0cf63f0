package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
)

const (
	// agentPoll is how often a container is looked at while its agent is waited
	// for, and agentPatience how long that goes on: it dials at once.
	agentPoll     = 500 * time.Millisecond
	agentPatience = 10 * time.Second
)

// Steps that work on files of the server.
const (
	stepAccess    = "find a way to the engine"
	stepWorkspace = "make workspace"
	stepPrepare   = "prepare directories"
)

// The steps that fail where a directory is shared, but not so that a program in
// it can be started (noexec, SELinux) or a socket in it reached (an engine in a
// virtual machine).
const (
	stepStart     = "start container"
	stepMeetAgent = "wait for the agent"
)

const stepRelay = "start relay"

// Create makes a container with a ready agent in it. See runtimes.Runtime.
func (r *Runtime) Create(ctx context.Context, spec runtimes.Spec) (runtimes.Environment, error) {
	env, err := r.create(ctx, spec)
	if err != nil {
		return nil, err // not a nil *Environment
	}
	return env, nil
}

// Adopt takes over no environment: an agent ends with its server.
func (r *Runtime) Adopt(context.Context, runtimes.Handle) (runtimes.Environment, error) {
	return nil, runtimes.ErrCannotAdopt
}

func (r *Runtime) create(ctx context.Context, spec runtimes.Spec) (*Environment, error) {
	// A network's interface cannot be put into gVisor's own namespace.
	gvisor := spec.Strongest && spec.Network == runtimes.NoNetwork && r.gvisorFor(ctx, spec.Language).isolation.Score > 0
	return r.createIn(ctx, spec, gvisor)
}

// createIn makes an environment in gVisor or with the engine's usual runtime.
func (r *Runtime) createIn(ctx context.Context, spec runtimes.Spec, gvisor bool) (*Environment, error) {
	r.startLoops()
	if spec.Name == "" {
		spec.Name = "e-" + randomName()
	}
	c := &construction{r: r, spec: spec, name: newName(spec.Name), gvisor: gvisor}
	env, err := c.build(ctx)
	switch {
	case err == nil:
		return env, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, failed(c.step, err)
}

// construction is one environment being made.
type construction struct {
	r    *Runtime
	spec runtimes.Spec
	name string
	step string // what is being done, for the error
	// gvisor: in a kernel of its own, see gvisor.go.
	gvisor bool

	image     *imageFacts
	way       access
	workspace place
	fresh     bool // the workspace was made here
	seat      *seat
	id        string // of the container
	conn      io.ReadWriteCloser
	found     container.InspectResponse
	pid       int // of the container on this host, or 0
	agent     agentFacts
	relay     *egress.Relay // nil without a network
	took      []slog.Attr
}

// build goes through the steps, each below the deadline of them all, and undoes
// them when one fails.
func (c *construction) build(ctx context.Context) (*Environment, error) {
	making, cancel := context.WithTimeout(ctx, c.r.engine.create)
	defer cancel()
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{stepImage, c.findImage},
		{stepAccess, c.chooseAccess},
		{stepWorkspace, c.makeWorkspace},
		{stepPrepare, c.prepare},
		{"create container", c.create},
		{stepStart, c.start},
		{stepMeetAgent, c.meetAgent},
		{"read back the limits", c.inspect},
		{stepRelay, c.startRelay},
		{"handshake with the agent", c.handshake},
	}
	for _, step := range steps {
		c.step = step.name
		began := time.Now()
		if err := step.do(making); err != nil {
			return nil, errors.Join(c.heard(err), c.undo(ctx))
		}
		c.took = append(c.took, slog.Duration(step.name, time.Since(began)))
	}
	return c.finish(), nil
}

func (c *construction) findImage(ctx context.Context) (err error) {
	c.image, err = c.r.imageFor(ctx, c.spec)
	return err
}

func (c *construction) chooseAccess(ctx context.Context) (err error) {
	c.way, err = c.r.accessFor(ctx, c.image)
	c.spec.Limits.CPUs = c.r.possibleCPUs(c.spec.Limits.CPUs)
	if _, shared := c.way.(*sharedAccess); err == nil && !shared && c.spec.Network == runtimes.Internet {
		return errNetworkElsewhere
	}
	return err
}

func (c *construction) makeWorkspace(ctx context.Context) (err error) {
	c.workspace, c.fresh, err = c.way.workspace(ctx, c.spec)
	return err
}

func (c *construction) prepare(ctx context.Context) (err error) {
	c.seat, err = c.way.seat(ctx, c)
	if err == nil {
		err = c.showProcessors()
	}
	return err
}

// create claims the name first: from then on the container can be found and
// removed even when the engine's reply never arrives.
func (c *construction) create(ctx context.Context) (err error) {
	plan := c.blueprint()
	c.r.claims.claim(c.name)
	c.id, err = c.r.engine.createContainer(ctx, c.name, plan.config(), plan.hostConfig())
	return err
}

func (c *construction) blueprint() *blueprint {
	return &blueprint{
		image: c.image, limits: c.spec.Limits, uid: c.workspace.UID(), gid: c.workspace.GID(),
		mounts: append(c.seat.mounts, c.workspace.mount()), network: c.spec.Network, language: c.spec.Language,
		hostName:  c.spec.MachineName(),
		arguments: c.seat.arguments, stdio: c.seat.stdio,
		fileSize: fileSize(c.workspace, &c.spec.Limits),
		labels:   c.r.labels(roleEnvironment, c.spec.Name), processors: c.processors(), gvisor: c.gvisor,
	}
}

func (c *construction) start(ctx context.Context) error {
	if c.seat.attach != nil {
		if err := c.seat.attach(ctx, c.id); err != nil {
			return err
		}
	}
	return c.r.engine.startContainer(ctx, c.id)
}

// meetAgent waits for the link, but not for that of an agent that is dead.
func (c *construction) meetAgent(ctx context.Context) (err error) {
	ctx, stop := context.WithTimeout(ctx, agentPatience)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.watchStart(ctx, cancel)
	}()
	c.conn, err = c.seat.accept(ctx)
	cancel(nil)
	<-watched
	return err
}

func (c *construction) watchStart(ctx context.Context, cancel context.CancelCauseFunc) {
	for sleep(ctx, agentPoll) {
		found, err := c.r.engine.inspectContainer(ctx, c.id)
		if err == nil && !found.State.Running {
			cancel(&agentEnded{found.State.ExitCode, found.State.Error})
			return
		}
	}
}

func (c *construction) inspect(ctx context.Context) (err error) {
	if c.found, err = c.r.engine.inspectContainer(ctx, c.id); err != nil {
		return err
	}
	if !c.found.State.Running {
		return &agentEnded{c.found.State.ExitCode, c.found.State.Error}
	}
	if peer := peerPID(c.conn); peer != 0 && peer == c.found.State.Pid {
		c.pid = peer
	}
	return checkMounts(c.found.Mounts, c.blueprint().mounts)
}

// heard adds to an error what the agent wrote to its standard error, where that
// can be heard.
func (c *construction) heard(err error) error {
	if c.seat == nil || c.seat.said == nil {
		return err
	}
	if said := c.seat.said(); said != "" {
		return fmt.Errorf("%w; the guest said: %s", err, said)
	}
	return err
}

// undo removes everything that was made, even when ctx has ended.
func (c *construction) undo(ctx context.Context) error {
	var errs []error
	if c.agent.link != nil {
		errs = append(errs, c.agent.link.Close())
	} else if c.conn != nil {
		errs = append(errs, c.conn.Close())
	}
	if c.relay != nil {
		errs = append(errs, c.relay.Close())
	}
	if _, claimed := c.r.claims.holds(c.name); claimed {
		errs = append(errs, c.r.discard(ctx, c.name, nil))
		c.r.kick()
	}
	if c.seat != nil {
		c.r.release(c.seat, c.name)
	}
	if c.fresh {
		errs = append(errs, c.workspace.Close())
	}
	return errors.Join(errs...)
}

// handshake makes the link usable.
func (c *construction) handshake(ctx context.Context) error {
	plan := c.blueprint()
	volume, remote := c.workspace.(*volumeWorkspace)
	answer, err := c.r.handshake(ctx, handshake{
		conn: c.conn, environment: plan.environment(nil), limits: c.spec.Limits, pid: c.pid, files: remote,
		machine: c.r.machine(), sharedUser: !c.workspace.ownUser() && !c.gvisor, // gVisor counts for itself
	})
	if err != nil {
		return err
	}
	c.agent = answer
	if remote {
		volume.serve(answer.files)
	}
	if shared, ok := c.workspace.(sharedPlace); ok {
		shared.ChargeTo(answer.link.Reserve)
	}
	return nil
}

// variables are those of every program, for a session with those limits.
func (c *construction) variables() func(session []string, limits *runtimes.Limits) []string {
	image, network, language, machine := c.image, c.spec.Network, c.spec.Language, c.r.machine()
	return func(session []string, limits *runtimes.Limits) []string {
		plan := blueprint{
			image: image, network: network, language: language, processors: machine.Visible(limits.CPUs), limits: *limits,
		}
		return plan.environment(session)
	}
}

// finish puts the environment together and lets it be noticed.
func (c *construction) finish() *Environment {
	limits := c.limitsInForce()
	env := &Environment{
		r: c.r, name: c.name, container: c.id, pid: c.pid, seat: c.seat, workspace: c.workspace,
		relay: c.relay, link: c.agent.link, files: c.agent.files, terminal: c.agent.terminal, gvisor: c.gvisor,
		limits: limits, made: c.spec.Limits, scratch: c.blueprint().inMemory(), isolation: isolationOf(c, limits), variables: c.variables(),
		closing: make(chan struct{}), closed: make(chan struct{}), losses: losses{happened: make(chan struct{})},
	}
	env.origin = origin{c.image.id, runtimes.Spec{Language: c.spec.Language, Image: c.spec.Image}}
	if c.agent.limits.MemoryBytes == 0 {
		if env.oom = oomSourceOf(c.pid); env.oom == nil {
			env.oom = &env.ooms
		}
	}
	c.r.claims.resolve(c.name, env)
	c.r.loops.Go(env.attend)
	c.r.log.LogAttrs(context.Background(), slog.LevelDebug, "made a container",
		append(c.took, slog.String("environment", c.spec.Name), slog.String("container", c.id))...)
	return env
}
