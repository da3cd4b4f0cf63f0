//go:build unix && !linux

package main

import "golang.org/x/sys/unix"

// See termios(4).
const getMode, setMode = unix.TIOCGETA, unix.TIOCSETA
