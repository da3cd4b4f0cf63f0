package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrNoGuest: boxes and containers need the agent, and there is none.
var ErrNoGuest = errors.New("the guest agent is not built: run `make guest` in the project's folder, or name it in CODEBEAKER_GUEST")

// BuildGuest returns the agent's program for this machine: the one that
// CODEBEAKER_GUEST names, else the one in .cache/guest of the project, built
// now from its source, so that it is never an old one.
// Errors: ErrNoGuest, with what go said, when it cannot be built and none is
// there.
func BuildGuest(ctx context.Context) (string, error) {
	if named := os.Getenv("CODEBEAKER_GUEST"); named != "" {
		return named, nil
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoGuest, err)
	}
	program := filepath.Join(root, ".cache", "guest", "guest-linux-"+runtime.GOARCH)
	if err := build(ctx, root, program); err != nil {
		if _, found := os.Stat(program); found == nil {
			return program, nil
		}
		return "", fmt.Errorf("%w: %w", ErrNoGuest, err)
	}
	return program, nil
}

// CacheDir is where the project keeps what is prepared for the benchmark, ""
// when this is not run in it.
func CacheDir(ctx context.Context) string {
	root, err := moduleRoot(ctx)
	if err != nil {
		return ""
	}
	return filepath.Join(root, ".cache", "bench")
}

// moduleRoot is the project's folder, when this is run in it.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	path, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if path != "github.com/codebeaker/codebeaker" {
		return "", errors.New("the working directory is not in the project's folder")
	}
	return dir, nil
}

// build makes the program anew and replaces the one that is there when it
// differs: a running server may have that open.
func build(ctx context.Context, root, program string) error {
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	fresh := fmt.Sprintf("%s.%d", program, os.Getpid())
	defer os.Remove(fresh)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", fresh, "./cmd/guest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./cmd/guest: %w: %s", err, bytes.TrimSpace(out))
	}
	old, _ := os.ReadFile(program)
	now, err := os.ReadFile(fresh)
	if err != nil || bytes.Equal(old, now) {
		return err
	}
	return os.Rename(fresh, program)
}
