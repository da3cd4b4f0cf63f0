package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// machine keeps the processes of machines and containers apart that share an
// engine or a directory.
func machine() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// owner names this process.
func owner() string { return machine() + "-" + strconv.Itoa(os.Getpid()) }

// gone reports whether the owner was a process of this host that has ended.
func gone(owner string) bool {
	number, ours := strings.CutPrefix(owner, machine()+"-")
	pid, err := strconv.Atoi(number)
	return ours && err == nil && pid > 0 && !alive(pid)
}

// Purpose is what a directory is for; it begins the directory's name.
type Purpose string

// The directories of a run.
const (
	Data  Purpose = "codebeaker-bench-data-"  // of the server in process
	Files Purpose = "codebeaker-bench-files-" // of what stands beside
)

// MkdirTemp makes a directory among the temporary ones that names this process.
// The caller removes it.
func MkdirTemp(p Purpose) (string, error) { return os.MkdirTemp("", string(p)+owner()+"-*") }

// Dirs returns the directories for that purpose whose process is gone. Those of
// other users and of other hosts are not among them.
func Dirs(p Purpose) (found []string) {
	entries, _ := os.ReadDir(os.TempDir()) // without it nothing can be made either
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), string(p))
		end := strings.LastIndexByte(name, '-')
		if !ok || end < 0 || !e.IsDir() || !gone(name[:end]) {
			continue
		}
		if info, err := e.Info(); err == nil && mine(info) {
			found = append(found, filepath.Join(os.TempDir(), e.Name()))
		}
	}
	return found
}

// SweepFiles removes the directories for Files whose process is gone. What
// cannot be removed is left to the next run.
func SweepFiles() {
	for _, dir := range Dirs(Files) {
		_ = os.RemoveAll(dir)
	}
}

// The labels of containers: which program made them, and which process of it.
const (
	appLabel   = "app=codebeaker-bench"
	ownerLabel = "codebeaker-bench.owner"
)

// Labels are the arguments of `docker run` that mark a container as this
// process's.
func Labels() []string { return []string{"--label", appLabel, "--label", ownerLabel + "=" + owner()} }

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
