//go:build !linux

package workspace

import "os"

func exchangePays(string) bool { return false }

func exchange(*os.File, string, *os.File, string) error { return errUnsupported }
