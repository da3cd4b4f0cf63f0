package peer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/leftover"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// Docker is the docker command with an image, a container for each program.
type Docker struct {
	Image string
	args  []string
}

// Name is that of the command and the image.
func (d *Docker) Name() string { return "docker run " + d.Image }

// Open writes the program's file, which containers see at /workspace.
func (d *Docker) Open(_ context.Context, p workload.Program, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, p.File), []byte(p.Source), 0o644); err != nil {
		return err
	}
	d.args = append([]string{"run", "--rm"}, leftover.Labels()...)
	d.args = append(d.args, "--network", "none", "--volume", dir+":/workspace", "--workdir", "/workspace", d.Image)
	d.args = append(d.args, p.Args...)
	return nil
}

// Run is one docker run.
func (d *Docker) Run(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", d.args...)
	var complaint bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &complaint, time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker run: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return string(out), nil
}

// Close has nothing to free.
func (d *Docker) Close() error { return nil }
