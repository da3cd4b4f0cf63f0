// Package guestbin finds the agent's program, cmd/guest, which the server puts
// into every container and box: a server that was built by `make build` carries
// it for both processors and writes it out where it is first needed.
package guestbin

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Variable names the agent's program and comes before every search.
const Variable = "CODEBEAKER_GUEST"

// What may be wrong with an agent that was found; the error that wraps one of
// them names the file.
var (
	// ErrNotExecutable: its permissions or its mount (noexec) forbid it.
	ErrNotExecutable = errors.New("the agent's program may not be executed")
	// ErrForeign: it is not a Linux program, or one for another processor.
	ErrForeign = errors.New("the agent's program is not one for this machine")
)

// ErrNotFound: there is no agent for this machine.
var ErrNotFound = errors.New("the agent's program was not found: run `make build`, " +
	"or put guest-linux-" + runtime.GOARCH + " beside the server, or name it in " + Variable)

// Find returns the absolute path of the agent for an architecture as Go names
// it: what Variable says, else the one that this program carries, written into
// the data directory (or, where that is mounted noexec, into the user's
// directory of caches), else one beside the server's program (guest-linux-ARCH,
// guest), else one in .cache/guest of the working directory or of one above it,
// where the Makefile puts it too.
// Errors: ErrNotFound; that of a Variable that names no file; ErrNotExecutable
// and others where it cannot be written out.
func Find(arch, dataDir string) (string, error) {
	if named := os.Getenv(Variable); named != "" {
		if err := check(named); err != nil {
			return "", fmt.Errorf("%s: %w", Variable, err)
		}
		return filepath.Abs(named)
	}
	if Embedded(arch) {
		return unpack(arch, places(dataDir))
	}
	for _, path := range candidates(arch) {
		if check(path) == nil {
			return path, nil
		}
	}
	return "", ErrNotFound
}

func fileName(arch string) string { return "guest-linux-" + arch }

func candidates(arch string) []string {
	name := fileName(arch)
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

// machines are the names of architectures in a program's header, by Go's.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Executable says why this process cannot execute the agent at path, nil when
// it can. Errors: fs.ErrNotExist, ErrNotExecutable, ErrForeign.
func Executable(path string) error {
	if err := check(path); err != nil {
		return err
	}
	program, err := elf.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return mayExecute(path) // which does not need to read it
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrForeign, err)
	}
	defer program.Close()
	if want, known := machines[runtime.GOARCH]; known && program.Machine != want {
		return fmt.Errorf("%s: %w but for %v", path, ErrForeign, program.Machine)
	}
	return mayExecute(path)
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
