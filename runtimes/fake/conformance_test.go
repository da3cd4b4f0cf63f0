package fake_test

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

func TestConformance(t *testing.T) { runtimetest.Run(t, harness(t.TempDir())) }

// harness is for a fake runtime whose workspaces are in dir.
func harness(dir string) runtimetest.Harness {
	return runtimetest.Harness{
		New: func(testing.TB) runtimes.Runtime {
			return fake.New(fake.Options{Dir: dir, Programs: map[string]fake.Program{"both": both}})
		},
		Programs:    programs(),
		FoundIn:     []runtimes.Language{}, // its programs are scripted
		Leftovers:   func(t testing.TB, session string) []string { return leftovers(t, dir, session) },
		KillOutside: func(_ testing.TB, env runtimes.Environment) { env.(*fake.Environment).Kill() },
		Lacks: map[runtimetest.Capability]string{
			runtimetest.CommandLimits: "a Go function cannot be limited",
			runtimetest.OwnFiles:      "a Go function has no files but the workspace's",
		},
	}
}

func both(r *fake.Run) int {
	if _, err := io.WriteString(r.Stdout(), r.Arg(0)); err != nil {
		return 1
	}
	if _, err := io.WriteString(r.Stderr(), r.Arg(1)); err != nil {
		return 1
	}
	return 0
}

func programs() runtimetest.Programs {
	builtin := func(name string, args ...string) runtimes.Command {
		return runtimes.Command{Name: name, Args: args}
	}
	plain := func(name string) func() runtimes.Command {
		return func() runtimes.Command { return builtin(name) }
	}
	return runtimetest.Programs{
		Print: func(stdout, stderr string) runtimes.Command { return builtin("both", stdout, stderr) },
		Exit:  func(code int) runtimes.Command { return builtin("fail", strconv.Itoa(code)) },
		Echo:  plain("cat"),
		Sleep: func(d time.Duration) runtimes.Command { return builtin("sleep", d.String()) },
		Spill: func(stdout, stderr int) runtimes.Command {
			return builtin("spill", strconv.Itoa(stdout), strconv.Itoa(stderr))
		},
		Stubborn:     plain("stubborn"),
		Trap:         plain("trap"),
		Environment:  plain("env"),
		Directory:    plain("pwd"),
		ReadFile:     func(path string) runtimes.Command { return builtin("read", path) },
		WriteFile:    func(path, text string) runtimes.Command { return builtin("write", path, text) },
		RemoveFile:   func(path string) runtimes.Command { return builtin("remove", path) },
		Size:         plain("size"),
		Relay:        plain("relay"),
		SpillChannel: func(n int) runtimes.Command { return builtin("relay", strconv.Itoa(n)) },
	}
}

func leftovers(t testing.TB, dir, session string) []string {
	found, err := filepath.Glob(filepath.Join(dir, "*-"+session+"-*"))
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err) // a directory that is not there hides everything
	}
	return found
}
