package main

import (
	"os"
	"syscall"
)

// thirtyTwoBit ends as the filter would end it: most arm64 machines have no
// 32-bit interface to try.
func thirtyTwoBit() { syscall.Kill(os.Getpid(), syscall.SIGSYS) }
