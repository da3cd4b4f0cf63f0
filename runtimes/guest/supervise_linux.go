package guest

import (
	"encoding/binary"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// supervise starts the program and reaps its whole tree until nothing is left.
func (s *shimSpec) supervise(reports *os.File) error {
	catchSignals()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		report(reports, shimFailed, uint64(errnoOf(err)))
		return err
	}
	pid, err := s.startProgram()
	if err != nil {
		report(reports, shimFailed, uint64(errnoOf(err)))
		return err
	}
	report(reports, shimStarted, uint64(pid))
	letGo()
	for {
		var status unix.WaitStatus
		dead, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			report(reports, shimUsed, uint64(usedBelow()))
			return nil
		case dead == pid && !status.Stopped():
			report(reports, shimEnded, uint64(uint32(status)))
		}
	}
}

func (s *shimSpec) startProgram() (pid int, err error) {
	if s.Limits.Data > 0 || s.Limits.Processes > 0 {
		return s.startLimited()
	}
	return syscall.ForkExec(s.Path, s.Args, &syscall.ProcAttr{
		Dir: s.Dir, Env: s.Env, Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: s.Terminal},
	})
}

// startLimited starts a second shim and waits until it has become the program.
func (s *shimSpec) startLimited() (pid int, err error) {
	second := *s
	second.Become = true
	spec, err := specFile(&second)
	if err != nil {
		return 0, err
	}
	defer spec.Close()
	reports, theirs, err := pipe()
	if err != nil {
		return 0, err
	}
	defer reports.Close()
	pid, err = syscall.ForkExec("/proc/self/exe", []string{"guest", shimArgument}, &syscall.ProcAttr{
		Dir: "/", Files: []uintptr{0, 1, 2, uintptr(theirs), spec.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	unix.Close(theirs)
	if err != nil {
		return 0, err
	}
	var message [9]byte
	if _, err := io.ReadFull(reports, message[:]); err == nil {
		return 0, syscall.Errno(binary.LittleEndian.Uint64(message[1:]))
	}
	return pid, nil
}

// letGo gives up the program's streams, which would otherwise stay open as
// long as the shim.
func letGo() {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	for fd := range 3 {
		_ = unix.Dup3(null, fd, 0)
	}
	unix.Close(null)
}

// usedBelow is the processor time of everything that the shim has reaped, and
// that it has reaped in turn.
func usedBelow() int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &u); err != nil {
		return 0
	}
	return unix.TimevalToNsec(u.Utime) + unix.TimevalToNsec(u.Stime)
}
