package guest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// startShim forks the shim that is to be, or to watch, the program.
func (s *starter) startShim(x *execution, plan *shimSpec, streams *plumbing) error {
	x.supervised = !plan.Become
	spec, err := specFile(plan)
	if err != nil {
		return unprepared(reason(err))
	}
	defer spec.Close()
	reports, theirs, err := pipe()
	if err != nil {
		return unprepared(err)
	}
	defer unix.Close(theirs)
	files := append(streams.descriptors(), uintptr(theirs), spec.Fd())
	var gate *os.File
	if x.supervised {
		ours, gateOfShim, err := gates()
		if err != nil {
			reports.Close()
			return unprepared(err)
		}
		defer unix.Close(gateOfShim)
		gate, files = ours, append(files, uintptr(gateOfShim))
	}
	attr := &syscall.ProcAttr{Dir: "/", Files: files, Sys: &syscall.SysProcAttr{Setsid: true}}
	if len(x.group) > 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(x.group[0].Fd())
	}
	self := s.agent.shimProgram()
	err = s.agent.table.fork(x, func() (int, error) {
		return syscall.ForkExec(self, []string{"guest", shimArgument}, attr)
	})
	if err != nil {
		reports.Close()
		gate.Close()
		return startError(x.spec.Args[0], err)
	}
	if x.supervised {
		go x.follow(reports, gate)
	} else {
		go x.followStart(reports)
	}
	return nil
}

func unprepared(err error) error { return fmt.Errorf("the start could not be prepared: %w", err) }

// gates makes the two ends at which a program that is held and the agent talk.
func gates() (ours *os.File, theirs int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	unix.SetNonblock(fds[0], true)
	return os.NewFile(uintptr(fds[0]), "gate"), fds[1], nil
}

// specFile holds the plan for the shim to read.
func specFile(plan *shimSpec) (*os.File, error) {
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("start", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "start")
	_, err = file.Write(text)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
