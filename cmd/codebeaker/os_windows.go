package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks f for this process, or fails at once. The system lets go of
// the lock when the process ends, however it ends.
func lockFile(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
}

// ownUmask does nothing: there is none here.
func ownUmask() {}

// maxFiles is zero: there is no such limit here.
func maxFiles() int { return 0 }

// onResize does nothing: no signal tells of a terminal's size here.
func onResize(func()) (stop func()) { return func() {} }

// waitForInput is not to be had here: code that runs reads end of file.
func waitForInput(*os.File, <-chan struct{}) bool { return false }

// withoutSignals does nothing: consoles give Ctrl-C as liner asks for it.
func withoutSignals(*os.File) error { return nil }
