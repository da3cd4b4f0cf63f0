package guest

import (
	"fmt"
	"sync"
	"syscall"
)

// starter forks programs, one after another: with control groups of version 1
// the thread that forks visits the group of the execution for that.
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
	pidfd := -1
	attr.Sys.PidFD = &pidfd
	err := visit(x.group, s.agent.home, func() error {
		return s.agent.table.fork(x, func() (int, error) { return syscall.ForkExec(plan.Path, plan.Args, attr) })
	})
	if err != nil {
		return startError(x.spec.Args[0], err)
	}
	x.run()
	if pidfd >= 0 { // Linux before 5.2 has none: reap alone sees the end
		go x.awaitEnd(pidfd)
	}
	return nil
}
