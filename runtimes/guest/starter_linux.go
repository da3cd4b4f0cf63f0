package guest

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// starter forks programs, one after another, from a thread of its own: with
// control groups of version 1 that thread visits the group of the execution
// while it forks.
type starter struct {
	agent *agent

	mu      sync.Mutex
	more    sync.Cond
	waiting []*execution
}

func newStarter(a *agent) *starter {
	s := &starter{agent: a}
	s.more.L = &s.mu
	return s
}

// queue never waits.
func (s *starter) queue(x *execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, x)
	s.more.Signal()
}

func (s *starter) next() *execution {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) == 0 {
		s.more.Wait()
	}
	x := s.waiting[0]
	s.waiting = s.waiting[1:]
	return x
}

// run never returns.
func (s *starter) run() {
	runtime.LockOSThread()
	for {
		x := s.next()
		if err := s.start(x); err != nil {
			x.fail(err.Error())
		}
	}
}

// start forks the program or its shim. The error is a sentence for the client.
func (s *starter) start(x *execution) error {
	plan, err := s.plan(x)
	if err != nil {
		return err
	}
	streams, err := x.connect()
	if err != nil {
		return fmt.Errorf("the program's streams could not be made: %w", err)
	}
	defer streams.close()
	switch {
	case s.agent.groups() == groupsV2:
		plan.Become, plan.Seccomp = true, s.agent.hello.Harden.Seccomp
		return s.startShim(x, plan, streams)
	case s.agent.groups() == noGroups && !s.agent.table.claimLone(x):
		return s.startShim(x, plan, streams)
	}
	return s.startDirectly(x, plan, streams)
}

// plan finds what to start.
func (s *starter) plan(x *execution) (*shimSpec, error) {
	env := mergeEnv(s.agent.hello.Env, x.spec.Env)
	dir, err := directory(s.agent.workspace(), x.spec.Dir)
	if err != nil {
		return nil, err
	}
	path, err := lookUp(x.spec.Args[0], dir, env)
	if err != nil {
		return nil, err
	}
	return &shimSpec{
		Path: path, Args: x.spec.Args, Env: env, Dir: dir,
		Terminal: x.spec.Terminal != nil, Limits: x.spec.Limits,
	}, nil
}

func (s *starter) startDirectly(x *execution, plan *shimSpec, streams *plumbing) error {
	attr := &syscall.ProcAttr{
		Dir: plan.Dir, Env: plan.Env, Files: streams.descriptors(),
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: plan.Terminal, Ctty: 0},
	}
	err := visit(x.group, s.agent.home, func() error {
		return s.agent.table.fork(x, func() (int, error) { return syscall.ForkExec(plan.Path, plan.Args, attr) })
	})
	if err != nil {
		return startError(x.spec.Args[0], err)
	}
	x.run()
	return nil
}

// makeExpendable lets the kernel take a program before the agent when memory
// runs out. The program could do the same to itself; that it may undo it costs
// only itself.
func (a *agent) makeExpendable(pid int) {
	if !a.ownProc {
		return
	}
	// Not by package os, which would ask epoll about it.
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, _ = unix.Write(fd, []byte("1000"))
		unix.Close(fd)
	}
}
