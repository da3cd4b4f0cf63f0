package guest

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
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
			continue
		}
		x.run()
	}
}

// start forks the program. The error is a sentence for the client.
func (s *starter) start(x *execution) error {
	env := mergeEnv(s.agent.hello.Env, x.spec.Env)
	dir, err := directory(s.agent.workspace(), x.spec.Dir)
	if err != nil {
		return err
	}
	path, err := lookUp(x.spec.Args[0], dir, env)
	if err != nil {
		return err
	}
	streams, err := x.connect()
	if err != nil {
		return fmt.Errorf("the program's streams could not be made: %w", err)
	}
	defer streams.close()
	x.pumps.Add(len(x.outputs))
	attr := &syscall.ProcAttr{
		Dir: dir, Env: env,
		Files: []uintptr{streams.files[0].Fd(), streams.files[1].Fd(), streams.files[2].Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: x.spec.Terminal != nil, Ctty: 0},
	}
	err = visit(x.group, s.agent.home, func() error {
		return s.agent.table.fork(x, func() (int, error) { return syscall.ForkExec(path, x.spec.Args, attr) })
	})
	if err != nil {
		x.pumps.Add(-len(x.outputs))
		return startError(x.spec.Args[0], err)
	}
	if s.agent.ownProc {
		makeExpendable(x.pid)
	}
	return nil
}

// makeExpendable lets the kernel take a program before the agent when memory
// runs out. The program could do the same to itself; that it may undo it costs
// only itself.
func makeExpendable(pid int) {
	if f, err := os.OpenFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), os.O_WRONLY, 0); err == nil {
		f.WriteString("1000")
		f.Close()
	}
}
