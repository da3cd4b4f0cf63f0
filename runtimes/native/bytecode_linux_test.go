package native

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

// withoutBytecode makes an installation of the machine's python3 that has no
// bytecode, as those of container images, the first one on PATH, and returns its
// prefix.
func withoutBytecode(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("python3", "-I", "-c", askPython).Output()
	if err != nil {
		t.Fatal(err)
	}
	var python struct{ Executable, Library string }
	if err := json.Unmarshal(out, &python); err != nil {
		t.Fatal(err)
	}
	// Not below /tmp: a box has one of its own, which hides what the machine has
	// there.
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	prefix, err := os.MkdirTemp(home, ".codebeaker-test-python-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(prefix) })
	if prefix, err = filepath.EvalSymlinks(prefix); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(prefix, "lib", filepath.Base(python.Library))
	copyFile(t, python.Executable, filepath.Join(prefix, "bin", filepath.Base(python.Executable)))
	left := []string{"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "ensurepip", "lib2to3"}
	err = filepath.WalkDir(python.Library, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains(left, entry.Name()) || strings.HasPrefix(entry.Name(), "config-")):
			return fs.SkipDir
		case !entry.IsDir():
			copyFile(t, path, filepath.Join(library, strings.TrimPrefix(path, python.Library)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Base(python.Executable), filepath.Join(prefix, "bin", "python3")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(prefix, "bin")+":"+os.Getenv("PATH"))
	return prefix
}

// copyFile copies a file that everybody may read, and makes its directory.
func copyFile(t testing.TB, source, target string) {
	t.Helper()
	content, err := os.ReadFile(source)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(target), 0o755)
	}
	if err == nil {
		err = os.WriteFile(target, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// waitForBytecode waits until the bytecode has been made.
func waitForBytecode(t testing.TB, o Options) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if made, _ := filepath.Glob(filepath.Join(o.CacheDir(), "python*")); len(made) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("there is no bytecode after five minutes")
		}
	}
}

// A module of the standard library is not compiled in a session, and the
// session's own are kept.
func TestNativePythonHasBytecodeWhereTheMachineHasNone(t *testing.T) {
	prefix := withoutBytecode(t)
	o := boxedtest.Options(t)
	r := New(o)
	boxedtest.Available(t, r, runtimes.Python)
	waitForBytecode(t, o)
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.Python))
	boxedtest.RunFile(t, e, "own.py", "x = 1\n", "true")
	// Of each module "-v" says where its code came from, or that it was compiled.
	got := boxedtest.RunFile(t, e, "main.py", "import sys, json, encodings, own\nprint(sys.prefix, json.__cached__, own.__cached__, sep='\\n')", "python3", "-v", "main.py")
	cached := bytecode + prefix + "/lib/"
	lines := strings.Split(got.Stdout, "\n")
	if len(lines) != 4 || lines[0] != prefix || !strings.HasPrefix(lines[1], cached) || !strings.HasPrefix(lines[2], bytecode+"/workspace/own.") {
		t.Fatalf("got %+v", got)
	}
	for _, module := range []string{"encodings/__init__", "json/__init__", "json/decoder"} {
		if !strings.Contains(got.Stderr, "/"+module+".cpython-") {
			t.Errorf("the code of %s came from no bytecode: %s", module, got.Stderr)
		}
	}
	if line := compiled(got.Stderr, prefix+"/lib"); line != "" {
		t.Errorf("python compiled: %s", line)
	}
	again := boxedtest.Run(t, e, "python3", "-v", "main.py")
	if line := compiled(again.Stderr, "/workspace/own.py"); line != "" || again.Stdout != got.Stdout {
		t.Errorf("the session's own module was compiled again: %s: %+v", line, again.Stdout)
	}
	change := boxedtest.Shell(t, e, "cd "+filepath.Dir(lines[1])+" && { echo x > "+filepath.Base(lines[1])+" || rm -f "+filepath.Base(lines[1])+"; }; ls")
	if !strings.Contains(change.Stdout, filepath.Base(lines[1])) || !strings.Contains(change.Stderr, "Read-only") {
		t.Errorf("a session can change what others run: %+v", change)
	}
}

// compiled is the line by which "python3 -v" says that it compiled a source
// whose path begins so: the code object came from a ".py".
func compiled(said, prefix string) string {
	for line := range strings.Lines(said) {
		if from, ok := strings.CutPrefix(strings.TrimSpace(line), "# code object from "); ok && strings.HasPrefix(strings.Trim(from, "'"), prefix) {
			return line
		}
	}
	return ""
}

// A machine whose python3 has its bytecode has sessions without these variables.
func TestNativePythonUsesTheMachinesBytecode(t *testing.T) {
	boxedtest.NotShort(t)
	prefix := withoutBytecode(t)
	if out, err := exec.Command(filepath.Join(prefix, "bin", "python3"), "-m", "compileall", "-q", filepath.Join(prefix, "lib")).CombinedOutput(); err != nil {
		t.Fatalf("%v, %s", err, out)
	}
	for _, o := range []struct {
		name string
		make func()
		cold bool
	}{
		{"valid", func() {}, false},
		{"older than its source", func() { renew(t, prefix) }, true},
	} {
		o.make()
		host := &boxed.Host{Options: &Options{DataDir: t.TempDir()}}
		kit := boxed.Kit{Tools: map[string]string{}}
		if p := addPython(t.Context(), host, &kit); p != nil {
			t.Fatal(p)
		}
		if l := kit.Languages[0]; (l.Warm != nil) != o.cold || (len(l.Env) > 0) != o.cold {
			t.Errorf("with bytecode that is %s: %+v", o.name, l)
		}
	}
}

// renew changes the time of a source.
func renew(t *testing.T, prefix string) {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(prefix, "lib", "python3*", "os.py"))
	if len(found) != 1 {
		t.Fatalf("found %q", found)
	}
	if err := os.Chtimes(found[0], time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkPythonStart measures, in turns, "import json" in one box: with the
// bytecode that was made for sessions, with an installation's own, and without.
func BenchmarkPythonStart(b *testing.B) {
	prefix := withoutBytecode(b)
	o := boxedtest.Options(b)
	r := New(o)
	boxedtest.Available(b, r, runtimes.Python)
	waitForBytecode(b, o)
	e := boxedtest.Create(b, r, boxedtest.Spec("s1", runtimes.Python))
	if out, err := exec.Command(filepath.Join(prefix, "bin", "python3"), "-m", "compileall", "-q", filepath.Join(prefix, "lib")).CombinedOutput(); err != nil {
		b.Fatalf("%v, %s", err, out)
	}
	kinds := []struct {
		name, prefix string
		took         []time.Duration
	}{{"made-ms", bytecode, nil}, {"own-ms", "", nil}, {"none-ms", "/nowhere", nil}}
	for b.Loop() {
		for i := range kinds {
			k := &kinds[i]
			begin := time.Now()
			got := boxedtest.Run(b, e, "env", "PYTHONPYCACHEPREFIX="+k.prefix, "python3", "-c", "import json; print(json.__cached__)")
			k.took = append(k.took, time.Since(begin))
			if want := k.prefix + prefix; !strings.HasPrefix(got.Stdout, want) {
				b.Fatalf("got %+v", got)
			}
		}
	}
	for _, k := range kinds {
		slices.Sort(k.took)
		b.ReportMetric(float64(k.took[len(k.took)/2].Microseconds())/1000, k.name)
	}
}
