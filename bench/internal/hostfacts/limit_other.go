//go:build !unix

package hostfacts

func openFiles() uint64 { return 0 }
