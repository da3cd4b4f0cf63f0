//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockFile locks f for this process, or fails at once. The kernel lets go of
// the lock when the process ends, however it ends.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// ownUmask is that of a server: what it shows to sessions, whose uids are
// others, is made readable by its mode, and what is secret says so by it,
// whatever whoever started the server is used to.
func ownUmask() { unix.Umask(0o022) }

// maxFiles is how many files the server may have open, zero when any number.
func maxFiles() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || uint64(limit.Cur) > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}

// onResize calls f each time the terminal has another size, until stop.
func onResize(f func()) (stop func()) {
	changes, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(changes, syscall.SIGWINCH)
	go func() {
		for {
			select {
			case <-changes:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(changes); close(done) }
}

// waitForInput waits until f can be read, and reports whether it can; false, when
// ended is closed before.
func waitForInput(f *os.File, ended <-chan struct{}) bool {
	r, w, err := os.Pipe()
	if err != nil {
		return false
	}
	defer r.Close()
	read := make(chan struct{})
	defer close(read)
	go func() {
		select {
		case <-ended:
		case <-read:
		}
		w.Close() // can be read then: its end
	}()
	of := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}, {Fd: int32(r.Fd()), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(of, -1); err != unix.EINTR {
			return err == nil && of[1].Revents == 0
		}
	}
}

// withoutSignals has a terminal give Ctrl-C as a character.
func withoutSignals(f *os.File) error {
	mode, err := unix.IoctlGetTermios(int(f.Fd()), getMode)
	if err != nil {
		return err
	}
	mode.Lflag &^= unix.ISIG
	return unix.IoctlSetTermios(int(f.Fd()), setMode, mode)
}
