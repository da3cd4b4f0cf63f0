package guest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
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
		return fmt.Errorf("the start could not be prepared: %w", reason(err))
	}
	defer spec.Close()
	reports, theirs, err := pipe()
	if err != nil {
		return fmt.Errorf("the start could not be prepared: %w", err)
	}
	defer unix.Close(theirs)
	attr := &syscall.ProcAttr{
		Dir: "/", Files: append(streams.descriptors(), uintptr(theirs), spec.Fd()),
		Sys: &syscall.SysProcAttr{Setsid: true},
	}
	if len(x.group) > 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(x.group[0].Fd())
	}
	self := fmt.Sprintf("/proc/self/fd/%d", s.agent.self.Fd())
	err = s.agent.table.fork(x, func() (int, error) {
		return syscall.ForkExec(self, []string{"guest", shimArgument}, attr)
	})
	if err != nil {
		reports.Close()
		return startError(x.spec.Args[0], err)
	}
	go x.follow(reports)
	return nil
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

// follow reads what the shim reports.
func (x *execution) follow(reports *os.File) {
	defer close(x.followed)
	defer reports.Close()
	started, ended := false, false
	defer func() {
		if x.supervised && !started {
			x.agent.table.unstarted()
		}
	}()
	for {
		var message [9]byte
		if _, err := io.ReadFull(reports, message[:]); err != nil {
			x.silent(started, ended)
			return
		}
		number := binary.LittleEndian.Uint64(message[1:])
		switch message[0] {
		case shimStarted:
			started = true
			var status unix.WaitStatus
			status, ended = x.agent.table.adopt(x, int(number))
			x.run()
			if ended { // it has killed its shim, and was quick
				go x.ended(status)
			}
		case shimFailed:
			x.fail(startError(x.spec.Args[0], syscall.Errno(number)).Error())
			return
		case shimEnded:
			ended = true
			x.agent.table.forget(x)
			go x.ended(unix.WaitStatus(number))
		case shimUsed:
			x.used.Store(int64(number))
		}
	}
}

// silent is the end of the reports. A shim that became the program tells by it
// that it did. One that supervises was killed by a program of its uid if it
// had not reported the end: the program then is the agent's child.
func (x *execution) silent(started, ended bool) {
	switch {
	case !x.supervised:
		x.run()
	case !started:
		x.fail(startError(x.spec.Args[0], errors.New("its supervisor was killed")).Error())
	case !ended:
		x.agent.table.signalGroup(x, unix.SIGKILL)
		go x.followOrphan()
	}
}

// followOrphan looks after a program whose shim was killed. It is the agent's
// child now, unless the shim, which was killed while it waited, had taken the
// news of its end along. Then it is told as killed, as its shim was: the kernel
// has told nobody else how it ended.
func (x *execution) followOrphan() {
	<-x.shimGone
	if x.agent.table.vanished(x) {
		x.ended(unix.WaitStatus(unix.SIGKILL))
	}
}
