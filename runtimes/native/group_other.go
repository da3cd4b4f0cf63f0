//go:build !linux

package native

import "os/exec"

// runGroup is not used: there are no boxes on this system.
func runGroup(cmd *exec.Cmd) ([]byte, error) { return cmd.CombinedOutput() }
