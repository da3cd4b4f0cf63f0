package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/diskimage"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin/guesttest"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// requireEngine skips a test where no engine answers, and fails it where
// CODEBEAKER_REQUIRE names docker. A short run leaves it out.
func requireEngine(t testing.TB, images ...runtimes.Language) {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs a Docker engine")
	}
	e, err := newEngine("", defaultDeadlines)
	if err == nil {
		defer e.close()
		err = e.ping(t.Context())
	}
	for _, language := range images {
		if err == nil {
			_, err = e.image(t.Context(), Images("")[language])
		}
	}
	if err == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("CODEBEAKER_REQUIRE"), ","), "docker") {
		t.Fatalf("Docker is required: %v", err)
	}
	t.Skipf("needs a Docker engine (make engine) with images (make images): %v", err)
}

// newRealRuntime makes a runtime on the machine's engine, and checks in the end
// that it has left nothing there.
func newRealRuntime(t testing.TB, change func(*Options)) *Runtime {
	t.Helper()
	data := realDirectory(t)
	files := filepath.Join(data, "workspaces")
	workspaces, err := workspace.New(workspace.Options{Dir: files, Mark: filepath.Base(data), Images: diskimage.New(files, "test")})
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		DataDir: data, Mark: filepath.Base(data), Workspaces: workspaces, Guest: guesttest.Path(t), Logger: testLog(t),
		Groups: cgroup.NewFinder(slog.New(slog.DiscardHandler)),
	}
	if change != nil {
		change(&options)
	}
	r, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		checkLeftovers(t, r)
		if err := errors.Join(r.Close(), workspaces.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// realDirectory is one whose ancestors the users of sessions may search, which
// those of t.TempDir may not be.
func realDirectory(t testing.TB) string {
	t.Helper()
	data, err := os.MkdirTemp("", "codebeaker-docker-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(data); err != nil {
			t.Error(err)
		}
	})
	return data
}

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// checkLeftovers looks for containers, volumes, directories and mounts.
func checkLeftovers(t testing.TB, r *Runtime) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	containers, err := r.engine.listContainers(ctx, r.ours())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers {
		t.Errorf("container %v is left (%s)", c.Names, c.State)
	}
	volumes, err := r.engine.listVolumes(ctx, r.ours())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes {
		if v.Labels[labelRole] != roleGuest {
			t.Errorf("volume %s is left", v.Name)
		}
		r.engine.removeVolume(ctx, v.Name)
	}
	entries, err := os.ReadDir(r.environments())
	if err != nil || len(entries) > 0 {
		t.Errorf("directories are left: %v %v", entries, err)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	if strings.Contains(string(mounts), r.options.DataDir+"/") {
		t.Error("a mount is left below the data directory")
	}
}

var sessions int

// newEnvironment makes an environment that goes with the test.
func newEnvironment(t testing.TB, r *Runtime, spec runtimes.Spec) *Environment {
	t.Helper()
	if spec.Name == "" {
		sessions++
		spec.Name = fmt.Sprintf("test-%d", sessions)
	}
	if spec.Limits == (runtimes.Limits{}) {
		spec.Limits = runtimes.Limits{
			MemoryBytes: 256 << 20, CPUs: 1, Processes: 64, DiskBytes: 64 << 20, OpenFiles: 1024, OutputBytes: 1 << 20,
		}
	}
	env, err := r.create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(env.Close(ctx), env.Workspace().Close()); err != nil {
			t.Error(err)
		}
	})
	return env
}

// execute runs a program and returns all it wrote to either stream.
func execute(t testing.TB, env runtimes.Environment, name string, args ...string) (runtimes.Exit, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	exit, output, err := run(ctx, env, runtimes.Command{Name: name, Args: args})
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return exit, output
}

// put writes a file of the workspace.
func put(t testing.TB, env runtimes.Environment, path, content string) {
	t.Helper()
	if _, err := env.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: path, Content: []byte(content)}); err != nil {
		t.Fatal(err)
	}
}
