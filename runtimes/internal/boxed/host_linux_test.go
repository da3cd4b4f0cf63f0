package boxed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script makes an executable shell script.
func script(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func realTempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFindPrefersPathToTheToolsDirectoryAndResolvesLinks(t *testing.T) {
	onPath, tools, real := realTempDir(t), realTempDir(t), realTempDir(t)
	t.Setenv("PATH", "relative:"+onPath)
	host := &Host{Options: &Options{ToolsDir: tools}}
	if got := host.Find("tool"); got != "" {
		t.Fatalf("found %q where there is none", got)
	}
	want := script(t, real, "tool-1.0", "")
	if err := os.Symlink(want, filepath.Join(tools, "tool")); err != nil {
		t.Fatal(err)
	}
	if got := host.Find("tool"); got != want {
		t.Errorf("found %q in the tools directory, want %q", got, want)
	}
	if got, want := host.Find("tool"), script(t, onPath, "tool", ""); got == want || host.Find("tool") != want {
		t.Errorf("PATH does not come first: %q", host.Find("tool"))
	}
}

func TestAskEachSkipsAShimThatDoesNotWork(t *testing.T) {
	broken, works := realTempDir(t), realTempDir(t)
	script(t, broken, "tool", "exit 3")
	script(t, works, "tool", "echo ' 1.2 '")
	t.Setenv("PATH", broken+":"+works)
	got, err := (&Host{Options: &Options{}}).AskEach(context.Background(), "tool", "--version")
	if err != nil || got != "1.2" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPrefixShowsNothingThatHoldsTheServersData(t *testing.T) {
	prefix := realTempDir(t)
	data := filepath.Join(prefix, "lib", "codebeaker")
	for _, dir := range []string{filepath.Join(prefix, "bin"), data} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	host := &Host{Options: &Options{DataDir: data}}
	binds, err := host.Prefix(prefix, "bin", "missing")
	if err != nil || len(binds) != 1 || binds[0].Source != filepath.Join(prefix, "bin") {
		t.Errorf("got %v, %v", binds, err)
	}
	if _, err := host.Prefix(prefix, "lib"); err == nil || !strings.Contains(err.Error(), "cannot be shown") {
		t.Errorf("a directory with the server's data is shown: %v", err)
	}
	t.Setenv("HOME", prefix)
	if _, err := host.Prefix(filepath.Dir(prefix), filepath.Base(prefix)); err == nil {
		t.Error("a home directory is shown")
	}
	if binds, err := host.Prefix("/usr", "bin", "lib"); err != nil || len(binds) != 0 {
		t.Errorf("what every box shows is bound again: %v, %v", binds, err)
	}
}
