package hostfacts

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
)

// ask runs a program and returns what it said, "" when it cannot.
func ask(ctx context.Context, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func (f *Facts) askGit(ctx context.Context) {
	f.Commit = ask(ctx, "git", "rev-parse", "HEAD")
	f.Dirty = f.Commit != "" && ask(ctx, "git", "status", "--porcelain", "--untracked-files=no") != ""
}

// dockerVersion is what `docker version` prints as JSON.
type dockerVersion struct {
	Client struct{ Version string }
	Server struct {
		Version    string
		Components []struct{ Name, Version string }
	}
}

func (f *Facts) askDocker(ctx context.Context) {
	f.readDocker(ask(ctx, "docker", "version", "--format", "{{json .}}"))
}

func (f *Facts) readDocker(text string) {
	var v dockerVersion
	if json.Unmarshal([]byte(text), &v) != nil {
		return
	}
	f.DockerCLI, f.Engine = v.Client.Version, v.Server.Version
	for _, c := range v.Server.Components {
		switch c.Name {
		case "containerd":
			f.Containerd = c.Version
		case "runc":
			f.Runc = c.Version
		}
	}
}

// tools are the programs of the baselines and how each says its version.
var tools = map[string][]string{
	"bun": {"--version"}, "deno": {"--version"}, "node": {"--version"}, "python3": {"--version"}, "go": {"version"},
}

// askTools returns the first line of each tool that is on PATH.
func askTools(ctx context.Context) map[string]string {
	found := map[string]string{}
	for name, args := range tools {
		if line, _, _ := strings.Cut(ask(ctx, name, args...), "\n"); line != "" {
			found[name] = line
		}
	}
	return found
}
