package imagebuild

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errHeld: another process holds the lock.
var errHeld = errors.New("another process builds images")

// takeLock returns the file with the lock of it. Processes that inherit the
// file hold the lock too.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errHeld
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// active reports whether somebody holds the lock.
func active(path string, _ int) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// runGroup runs cmd to its end as a group of processes. The end of its context
// asks the group to end, and kills what has not done so within WaitDelay. When
// this process is killed, the script is asked to end: by the thread that
// started it (PR_SET_PDEATHSIG), so the thread is kept.
func runGroup(cmd *exec.Cmd, lock *os.File) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	err := cmd.Run()
	if cmd.Process != nil {
		endGroup(cmd.Process.Pid, cmd.WaitDelay)
	}
	return err
}

// endGroup waits for what a script that has ended left of its group, which was
// told to end with it, and kills it after a while.
func endGroup(group int, patience time.Duration) {
	for deadline := time.Now().Add(patience); syscall.Kill(-group, 0) == nil; time.Sleep(groupPoll) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(-group, syscall.SIGKILL)
			return
		}
	}
}

const groupPoll = 20 * time.Millisecond
