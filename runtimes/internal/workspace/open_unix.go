//go:build unix

package workspace

import "syscall"

const noControllingTerminal = syscall.O_NOCTTY
