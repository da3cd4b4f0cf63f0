package native

import (
	"os/exec"
	"runtime"
	"syscall"
)

// runGroup runs cmd to its end, with its children in a process group that ends
// with cmd's context. The command also ends with the server: with the thread
// that started it, to be exact (PR_SET_PDEATHSIG), so the thread is kept.
func runGroup(cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd.CombinedOutput()
}
