package boxed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
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
	if err != nil || got.Text != "1.2" || got.Path != filepath.Join(works, "tool") {
		t.Errorf("got %+v, %v", got, err)
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

func TestAProgramThatDoesNotAnswerIsToldWithoutTheProgramItWasGiven(t *testing.T) {
	dir := realTempDir(t)
	path := script(t, dir, "tool", "echo 'Traceback: at line 1' >&2; printf 'no \\033[1mjson\\033[0m here\\n' >&2; exit 3")
	t.Setenv("PATH", dir)
	host := &Host{Options: &Options{}}
	program := "import json\nprint(json.dumps(1))"
	_, err := host.AskEach(t.Context(), "tool", "-I", "-c", program, strings.Repeat("x", 100))
	if err == nil || strings.Contains(err.Error(), "json.dumps") || !strings.Contains(err.Error(), path+" -I -c … …: exit status 3") ||
		!strings.Contains(err.Error(), "Traceback") {
		t.Errorf("the log is told %v", err)
	}
	tool := &Tool{Name: "tool", Languages: []runtimes.Language{runtimes.Python}, Get: "`make tool` installs it"}
	p := tool.Problem("", err)
	reasontest.Problems(t, []runtimes.Problem{*p})
	want := "tool (" + path + `) cannot be used: it ended with exit code 3 and said "no json here"; ` + "`make tool` installs it"
	if len(path) > pathMax {
		want = strings.Replace(want, path, "…/tool", 1)
	}
	if p.Reason != want || p.Absent {
		t.Errorf("got  %q\nwant %q", p.Reason, want)
	}
	_, err = host.AskEach(t.Context(), "none")
	if p := tool.Problem("", err); !p.Absent || p.Reason != "tool is not on the server's PATH: `make tool` installs it" {
		t.Errorf("none: %+v", p)
	}
	p = tool.Problem("/opt/tool", &HiddenError{"/opt", "/opt/secret"})
	reasontest.Problems(t, []runtimes.Problem{*p})
	if strings.Contains(p.Reason, "secret") {
		t.Errorf("hidden: %q", p.Reason)
	}
}
