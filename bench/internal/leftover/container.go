package leftover

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// The labels of containers: which program made them, and which process of it.
const (
	appLabel   = "app=codebeaker-bench"
	ownerLabel = "codebeaker-bench.owner"
)

// Labels are the arguments of `docker run` that mark a container as this
// process's.
func Labels() []string { return []string{"--label", appLabel, "--label", ownerLabel + "=" + owner()} }

// sweepTimeout bounds SweepContainers.
const sweepTimeout = 30 * time.Second

// SweepContainers removes the containers whose process is gone.
// Errors: the docker command's.
func SweepContainers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "ps", "--all", "--filter", "label="+appLabel,
		"--format", `{{.ID}} {{.Label "`+ownerLabel+`"}}`).Output()
	if err != nil {
		return fmt.Errorf("look for containers of an earlier run: %w", err)
	}
	var left []string
	for line := range strings.Lines(string(out)) {
		if id, owner, ok := strings.Cut(strings.TrimSpace(line), " "); ok && gone(owner) {
			left = append(left, id)
		}
	}
	if len(left) == 0 {
		return nil
	}
	if err := exec.CommandContext(ctx, "docker", append([]string{"rm", "--force"}, left...)...).Run(); err != nil {
		return fmt.Errorf("remove the containers %s of an earlier run: %w", strings.Join(left, " "), err)
	}
	return nil
}
