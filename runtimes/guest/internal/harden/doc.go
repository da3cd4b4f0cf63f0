// Package harden gives up what a process might do, for good, on all of its
// threads and for all programs that it starts: capabilities, new privileges,
// dangerous system calls, and the right of others to look into it.
//
// It needs a program built without cgo: only then can Go make a system call on
// every thread (syscall.AllThreadsSyscall).
package harden
