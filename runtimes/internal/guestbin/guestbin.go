// Package guestbin finds the agent's program, cmd/guest, which the server puts
// into every container and box.
package guestbin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Variable names the agent's program and comes before every search.
const Variable = "CODEBEAKER_GUEST"

// ErrNotFound: there is no agent for this machine.
var ErrNotFound = errors.New("the agent's program was not found: run `make build`, " +
	"or put guest-linux-" + runtime.GOARCH + " beside the server, or name it in " + Variable)

// Find returns the absolute path of the agent for this machine's architecture.
// See FindFor.
func Find() (string, error) { return FindFor(runtime.GOARCH) }

// FindFor returns the absolute path of the agent for an architecture as Go
// names it: what Variable says, else beside the server's program
// (guest-linux-ARCH, guest), else in .cache/guest of the working directory or
// of one above it, where the Makefile puts it.
// Errors: ErrNotFound; that of a Variable that names no file.
func FindFor(arch string) (string, error) {
	if named := os.Getenv(Variable); named != "" {
		if err := check(named); err != nil {
			return "", fmt.Errorf("%s: %w", Variable, err)
		}
		return filepath.Abs(named)
	}
	for _, path := range candidates(arch) {
		if check(path) == nil {
			return path, nil
		}
	}
	return "", ErrNotFound
}

func candidates(arch string) []string {
	name := "guest-linux-" + arch
	var paths []string
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		beside := filepath.Dir(self)
		paths = append(paths, filepath.Join(beside, name))
		if arch == runtime.GOARCH {
			paths = append(paths, filepath.Join(beside, "guest"))
		}
	}
	dir, err := os.Getwd()
	for err == nil {
		paths = append(paths, filepath.Join(dir, ".cache", "guest", name))
		above := filepath.Dir(dir)
		if above == dir {
			break
		}
		dir = above
	}
	return paths
}

func check(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	return nil
}
