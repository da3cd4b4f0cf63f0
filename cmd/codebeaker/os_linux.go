package main

import "golang.org/x/sys/unix"

// See termios(3) and ioctl_tty(2).
const getMode, setMode = unix.TCGETS, unix.TCSETS
