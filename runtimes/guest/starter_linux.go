package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

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
	env := mergeEnv(x.env, x.spec.Env)
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
	if a.oomScore != nil {
		l.score, l.ownScore = int(a.oomScore.Fd()), a.ownScore
	}
	for _, file := range x.group {
		if a.groups() == frame.GroupsV2 {
			l.directory = int(file.Fd())
		} else {
			l.tasks = append(l.tasks, int(file.Fd()))
		}
	}
	return l, nil
}

// directory returns the working directory of a program. The workspace is opened
// first, if a program has shut it.
func directory(workspace, dir string) (string, error) {
	openUp(workspace)
	path := filepath.Join(workspace, dir)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return path, nil
	case err == nil:
		return "", fmt.Errorf("the working directory %q is not a directory", dir)
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("the working directory %q does not exist", dir)
	}
	return "", fmt.Errorf("the working directory %q cannot be used: %w", dir, reason(err))
}

// openUp gives the owner of the workspace, whose programs run here, access to
// it again: "chmod -R 644 ." takes it from all programs to come. What cannot be
// changed shows when the directory is entered.
func openUp(workspace string) {
	const access = 0o700
	if info, err := os.Stat(workspace); err == nil && info.Mode().Perm()&access != access {
		_ = os.Chmod(workspace, info.Mode().Perm()|access)
	}
}

// lookUp finds a program as execvp(3) does: a name with a slash is a path from
// the working directory, another is searched for in the PATH of env. An
// executable that comes later wins over a file that may not be executed.
func lookUp(name, dir string, env []string) (string, error) {
	if name == "" {
		return "", errors.New("the name of the program is empty")
	}
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, nil // the kernel says what is wrong with it
	}
	refused := false
	for _, part := range filepath.SplitList(value(env, "PATH")) {
		if !filepath.IsAbs(part) {
			part = filepath.Join(dir, part)
		}
		path := filepath.Join(part, name)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) == nil {
			return path, nil
		}
		refused = true
	}
	if refused {
		return "", fmt.Errorf("%q may not be executed", name)
	}
	return "", fmt.Errorf("there is no program %q on the PATH", name)
}

// startError says why the kernel did not start a program in the directory dir
// of the workspace.
func startError(name, dir string, err error) error {
	launch, _ := errors.AsType[*launchError](err)
	switch {
	case launch != nil && launch.step == atDirectory && dir == "":
		return fmt.Errorf("the working directory cannot be entered: %w", launch.errno)
	case launch != nil && launch.step == atDirectory:
		return fmt.Errorf("the working directory %q cannot be entered: %w", dir, launch.errno)
	case launch != nil && launch.step != atExec && launch.step != atFork:
		return fmt.Errorf("%q could not be started: %w", name, launch)
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("there is no program %q, or what it is run by is missing", name)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%q may not be executed", name)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%q is in no format that can be executed", name)
	case errors.Is(err, syscall.E2BIG):
		return errors.New("the arguments and the environment are too long")
	case errors.Is(err, syscall.EAGAIN):
		return errors.New("the limit of processes is reached")
	case errors.Is(err, syscall.ENOMEM):
		return errors.New("there is not enough memory to start a program")
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("%q or its arguments cannot be passed to the kernel", name)
	}
	return fmt.Errorf("%q could not be started: %w", name, reason(err))
}

// reason is the error without the path that a *PathError names.
func reason(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// mergeEnv adds variables; a later one replaces an earlier one of its name.
func mergeEnv(base, more []string) []string {
	if len(more) == 0 {
		return base
	}
	merged := make([]string, 0, len(base)+len(more))
	merged = append(merged, base...)
next:
	for _, entry := range more {
		key, _, _ := strings.Cut(entry, "=")
		for i, have := range merged {
			if strings.HasPrefix(have, key+"=") {
				merged[i] = entry
				continue next
			}
		}
		merged = append(merged, entry)
	}
	return merged
}

// value returns a variable of env, or "".
func value(env []string, name string) string {
	for _, entry := range env {
		if key, val, _ := strings.Cut(entry, "="); key == name {
			return val
		}
	}
	return ""
}
