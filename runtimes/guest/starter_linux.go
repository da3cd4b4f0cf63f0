package guest

import (
	"fmt"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// starter starts programs, one after another.
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

// start starts the program. The error is a sentence for the client.
func (s *starter) start(x *execution) error {
	l, err := s.prepare(x)
	if err != nil {
		return err
	}
	streams, err := x.connect()
	if err != nil {
		return fmt.Errorf("the program's streams could not be made: %w", err)
	}
	defer streams.close()
	l.streams = streams.fds
	if s.agent.keeps {
		return s.startKept(x, l)
	}
	pidfd, err := s.agent.table.start(x, l)
	if err != nil {
		return startError(x.spec.Args[0], x.spec.Dir, err)
	}
	x.run()
	if pidfd >= 0 { // Linux before 5.2 has none: reap alone sees the end
		go x.awaitEnd(pidfd)
	}
	return nil
}

// prepare finds what to start.
func (s *starter) prepare(x *execution) (*launch, error) {
	a := s.agent
	env := mergeEnv(a.hello.Env, x.spec.Env)
	dir, err := directory(a.workspace(), x.spec.Dir)
	if err != nil {
		return nil, err
	}
	path, err := lookUp(x.spec.Args[0], dir, env)
	if err != nil {
		return nil, err
	}
	l, err := newLaunch(path, dir, x.spec.Args, env)
	if err != nil {
		return nil, err
	}
	if l.limits, err = a.programLimits(x.spec.Limits); err != nil {
		return nil, err
	}
	l.terminal, l.filter = x.spec.Terminal != nil, a.filter
	for _, file := range x.group {
		if a.groups() == frame.GroupsV2 {
			l.directory = int(file.Fd())
		} else {
			l.tasks = append(l.tasks, int(file.Fd()))
		}
	}
	return l, nil
}
