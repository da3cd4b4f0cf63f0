package boxed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
)

// askTimeout bounds a program of the host that is asked for its version.
const askTimeout = 10 * time.Second

// Host is the machine of the server, as a flavor searches it.
type Host struct {
	Options *Options
}

// Find returns the real path of a program: the first of that name that the
// server may execute, in the directories of PATH and then in the tools
// directory. It returns "" when there is none.
func (h *Host) Find(name string) string {
	for _, path := range h.candidates(name) {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return real
		}
	}
	return ""
}

// candidates are the executable files of that name, in the order of search.
func (h *Host) candidates(name string) []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	if h.Options.ToolsDir != "" {
		dirs = append(dirs, h.Options.ToolsDir)
	}
	var found []string
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			continue // as exec.LookPath: never the working directory
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// Ask runs a program of the host and returns its output without the white
// space around it. Errors: *ProgramError.
func (h *Host) Ask(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err == nil {
		return strings.TrimSpace(string(out)), nil
	}
	failed := &ProgramError{Path: program, Args: args, Err: err}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		failed.Stderr = string(exit.Stderr)
	}
	if ctx.Err() != nil {
		failed.Err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return "", failed
}

// Answer is what a program of the host said.
type Answer struct {
	Path string // of the program, as it was found
	Text string
}

// AskEach asks the programs of that name one after another until one answers.
// A program on PATH may be a shim that does not work for this user.
// Errors: exec.ErrNotFound when there is none; *ProgramError, that of the last
// one being the first to be found.
func (h *Host) AskEach(ctx context.Context, name string, args ...string) (Answer, error) {
	var failures error
	for _, program := range h.candidates(name) {
		text, err := h.Ask(ctx, program, args...)
		if err == nil {
			return Answer{program, text}, nil
		}
		failures = errors.Join(err, failures)
	}
	if failures == nil {
		return Answer{}, fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	}
	return Answer{}, failures
}

// Prefix returns binds that show an installation outside the system's own
// directories: those of its folders that are there. It refuses to show a
// directory that holds a home directory or the server's data.
func (h *Host) Prefix(prefix string, folders ...string) ([]box.Bind, error) {
	var binds []box.Bind
	for _, folder := range folders {
		source, err := filepath.EvalSymlinks(filepath.Join(prefix, folder))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if inSystem(source) {
			continue
		}
		if err := h.mayShow(source); err != nil {
			return nil, err
		}
		binds = append(binds, box.Bind{Source: source, Target: filepath.Join(prefix, folder)})
	}
	return binds, nil
}

// mayShow refuses directories that hold what no box may see.
func (h *Host) mayShow(source string) error {
	for _, dir := range h.Options.protected() {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue // it does not exist
		}
		if within(real, source) {
			return &HiddenError{source, real}
		}
	}
	return nil
}

// inSystem reports whether boxes show the path anyway.
func inSystem(path string) bool {
	for _, dir := range []string{"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share", "/usr/include"} {
		if within(path, dir) {
			return true
		}
	}
	return false
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	relative, err := filepath.Rel(dir, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}
