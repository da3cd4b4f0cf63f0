package native

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// runGroup runs a command in a session of its own, at the lowest priority also
// there, and ends all of its processes with the server or with its context. It
// returns what the command printed.
func runGroup(cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread() // Pdeathsig is about the thread
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	niceSession(cmd.Process.Pid)
	err := cmd.Wait()
	return out.Bytes(), err
}

// sessionNice is the priority of a session that works in the background, the lowest.
// Tests that wait for it set another.
var sessionNice = "19"

// niceSession gives a session that priority among the sessions of the host.
// Where the kernel shares processors among those (sched(7), autogroup), the
// priority of a process counts within its session only. Anyone but root may set
// it ten times a second, all together.
func niceSession(pid int) {
	file := fmt.Sprintf("/proc/%d/autogroup", pid)
	for range 5 {
		if err := os.WriteFile(file, []byte(sessionNice), 0); !errors.Is(err, syscall.EAGAIN) {
			return // done, or there is no such thing here
		}
		time.Sleep(100 * time.Millisecond)
	}
}
