//go:build unix

package native

import (
	"os/exec"
	"syscall"
)

// endWithGroup makes the end of cmd's context end its children too.
func endWithGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
