//go:build unix

package main

import "golang.org/x/sys/unix"

// ownUmask is that of a server: what it shows to sessions, whose uids are
// others, is made readable by its mode, and what is secret says so by it,
// whatever whoever started the server is used to.
func ownUmask() { unix.Umask(0o022) }
