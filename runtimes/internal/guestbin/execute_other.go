//go:build !unix

package guestbin

// mayExecute knows of nothing that would forbid it.
func mayExecute(string) error { return nil }
