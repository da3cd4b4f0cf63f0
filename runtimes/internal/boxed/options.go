package boxed

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// Options are what a boxed runtime needs of the server.
type Options struct {
	// DataDir is the server's data directory; caches that are filled once for
	// all sessions lie in its folder "cache". No box shows it.
	DataDir string
	// Mark names the data directory in control groups, so that servers on one
	// host leave each other's alone. Letters and digits.
	Mark string
	// ToolsDir is searched for tools that are not on PATH; "" is none.
	ToolsDir string
	// Workspaces makes the sessions' directories.
	Workspaces *workspace.Manager
	// Groups finds where to make control groups; nil makes none.
	Groups *cgroup.Finder
	// Egress is what sessions with a network may reach.
	Egress egress.Options
	// Guest is the agent's program; "" finds it as package guestbin says.
	Guest string
	// Logger may be nil.
	Logger *slog.Logger
}

func (o *Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// CacheDir is where a runtime keeps what it prepares once for all sessions.
func (o *Options) CacheDir() string { return filepath.Join(o.DataDir, "cache") }

// protected are directories that no bind may show or contain.
func (o *Options) protected() []string {
	dirs := []string{o.DataDir}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, home)
	}
	return dirs
}
