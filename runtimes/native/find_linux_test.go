package native

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
)

// fakeTools makes an installation whose programs answer as given, puts it
// alone on PATH and returns its prefix.
func fakeTools(t *testing.T, answers map[string]string) string {
	t.Helper()
	prefix, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(prefix, "bin")
	for _, dir := range []string{bin, filepath.Join(prefix, "lib")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, answer := range answers {
		text := "#!/bin/sh\ncat <<'EOF'\n" + strings.ReplaceAll(answer, "PREFIX", prefix) + "\nEOF\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":/bin")
	t.Setenv("HOME", t.TempDir())
	return prefix
}

func findHere(t *testing.T) (boxed.Kit, error) {
	t.Helper()
	return find(context.Background(), &boxed.Host{Options: &boxed.Options{DataDir: t.TempDir()}})
}

func languagesOf(kit boxed.Kit) []runtimes.Language {
	var languages []runtimes.Language
	for i := range kit.Languages {
		languages = append(languages, kit.Languages[i].Language)
	}
	return languages
}

func TestTypeScriptIsServedAsNodeSays(t *testing.T) {
	for _, c := range []struct {
		strips, flag string
		want         []runtimes.Language
		env          int
	}{
		{"false", "false", []runtimes.Language{runtimes.JavaScript}, 0},
		{"false", "true", []runtimes.Language{runtimes.JavaScript, runtimes.TypeScript}, 1},
		{"true", "true", []runtimes.Language{runtimes.JavaScript, runtimes.TypeScript}, 0},
	} {
		fakeTools(t, map[string]string{
			"python3": "broken", "go": "broken",
			"node": `{"executable": "PREFIX/bin/node", "version": "22.7.0", "strips": ` + c.strips + `, "flag": ` + c.flag + `}`,
		})
		kit, err := findHere(t)
		if err != nil || !slices.Equal(languagesOf(kit), c.want) || kit.Tools["node"] != "22.7.0" {
			t.Errorf("%+v: %v, %v, %v", c, languagesOf(kit), kit.Tools, err)
			continue
		}
		if last := kit.Languages[len(kit.Languages)-1]; len(last.Env) != c.env {
			t.Errorf("%+v: environment %v", c, last.Env)
		}
	}
}

func TestAToolOutsideTheSystemIsShownWithItsFoldersAndNoMore(t *testing.T) {
	prefix := fakeTools(t, map[string]string{
		"node": "broken", "go": "broken",
		"python3": `{"executable": "PREFIX/bin/python3.12", "prefixes": ["PREFIX", "PREFIX"], "version": "3.12.1"}`,
	})
	if err := os.MkdirAll(filepath.Join(prefix, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	kit, err := findHere(t)
	if err != nil {
		t.Fatal(err)
	}
	want := []box.Bind{
		{Source: prefix + "/bin", Target: prefix + "/bin"}, {Source: prefix + "/lib", Target: prefix + "/lib"},
	}
	if !slices.Equal(kit.Binds, want) {
		t.Errorf("got %v, want %v", kit.Binds, want)
	}
	if program := (boxed.Program{Name: "python", Path: prefix + "/bin/python3.12"}); !slices.Contains(kit.Programs, program) {
		t.Errorf("got %v", kit.Programs)
	}
}

func TestAToolThatLivesInTheHomeDirectoryItselfIsLeftOut(t *testing.T) {
	prefix := fakeTools(t, map[string]string{
		"node": "broken", "go": "broken",
		"python3": `{"executable": "PREFIX/bin/python3.12", "prefixes": ["PREFIX", "PREFIX"], "version": "3.12.1"}`,
	})
	t.Setenv("HOME", filepath.Join(prefix, "lib"))
	p := problemFor(t, runtimes.Python)
	if !strings.Contains(p.Reason, "what sessions must not see") || !strings.Contains(p.Err.Error(), "cannot be shown to sessions") {
		t.Errorf("got %+v", p)
	}
}

// problemFor finds the tools, none of which can be used, and returns why the
// language is not served.
func problemFor(t *testing.T, language runtimes.Language) runtimes.Problem {
	t.Helper()
	kit, err := findHere(t)
	if err != nil || len(kit.Languages) != 0 {
		t.Fatalf("%v, %v", languagesOf(kit), err)
	}
	reasontest.Problems(t, kit.Problems)
	for _, p := range kit.Problems {
		if len(p.Languages) == 0 || slices.Contains(p.Languages, language) {
			return p
		}
	}
	t.Fatalf("nothing is said of %s: %+v", language, kit.Problems)
	return runtimes.Problem{}
}

func TestWithoutAnyToolTheReasonSaysWhatToInstall(t *testing.T) {
	fakeTools(t, nil)
	t.Setenv("PATH", "/nonexistent")
	p := problemFor(t, runtimes.Go)
	if !strings.Contains(p.Reason, "install one of them") || !p.Absent {
		t.Errorf("got %+v", p)
	}
}

// brokenPython is a python3 as python3-minimal installs it.
const brokenPython = `#!/bin/sh
echo 'Traceback (most recent call last):
  File "<string>", line 2, in <module>
    import json, os, sys' >&2
echo "ModuleNotFoundError: No module named 'json'" >&2
exit 1
`

// The defect: the reason was the whole of the probing program.
func TestAPythonWithoutItsModulesIsToldByTheModule(t *testing.T) {
	prefix := fakeTools(t, nil)
	path := filepath.Join(prefix, "bin", "python3")
	if err := os.WriteFile(path, []byte(brokenPython), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(path))
	p := problemFor(t, runtimes.Python)
	if !strings.HasPrefix(p.Reason, "python3 (") ||
		!strings.HasSuffix(p.Reason, "python3) cannot be used: it lacks the module json; `apt-get install python3` installs the whole") {
		t.Errorf("the reason is %q", p.Reason)
	}
	if log := p.Err.Error(); !strings.Contains(log, path) || !strings.Contains(log, "ModuleNotFoundError") || strings.Contains(log, "print(") {
		t.Errorf("the log is told %q", log)
	}
	if p.Absent {
		t.Error("it is there, and broken")
	}
}

func TestABrokenPythonIsToldBesideANodeThatWorks(t *testing.T) {
	prefix := fakeTools(t, map[string]string{
		"node": `{"executable": "PREFIX/bin/node", "version": "18.1.0", "strips": false, "flag": false}`,
	})
	bin := filepath.Join(prefix, "bin")
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(brokenPython), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/cat", filepath.Join(bin, "cat")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin) // without the machine's own tools
	kit, err := findHere(t)
	if err != nil || !slices.Equal(languagesOf(kit), []runtimes.Language{runtimes.JavaScript}) {
		t.Fatalf("%v, %v", languagesOf(kit), err)
	}
	reasontest.Problems(t, kit.Problems)
	why := runtimes.Availability{Available: true, Problems: kit.Problems}
	for language, want := range map[runtimes.Language]string{
		runtimes.Python: "lacks the module json", runtimes.Go: "go is not on the server's PATH",
		runtimes.TypeScript: "install version 22.6 or later",
	} {
		if got := why.WhyNot(language); !strings.Contains(got, want) {
			t.Errorf("%s: %q", language, got)
		}
	}
}

// An answer without its members was a panic of the server.
func TestAToolThatAnswersSomethingElseIsToldSo(t *testing.T) {
	for _, answer := range []string{
		"{}", "[]", "null", "broken\x1b[2J", `{"GOROOT": "/nonexistent", "GOVERSION": "go1"}`, strings.Repeat("x", 5000),
	} {
		prefix := fakeTools(t, map[string]string{"python3": answer, "node": answer, "go": answer})
		if err := os.Symlink("/bin/cat", filepath.Join(prefix, "bin", "cat")); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", filepath.Join(prefix, "bin"))
		for _, language := range []runtimes.Language{runtimes.Python, runtimes.JavaScript, runtimes.Go} {
			if p := problemFor(t, language); p.Absent {
				t.Errorf("%s is there: %+v", language, p)
			}
		}
	}
}

func TestTheReasonOfNativeIsASentenceAndIsLoggedOnce(t *testing.T) {
	o := boxedtest.Options(t)
	prefix := fakeTools(t, nil)
	if err := os.WriteFile(filepath.Join(prefix, "bin", "python3"), []byte(brokenPython), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(prefix, "bin"))
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	r := New(o)
	defer r.Close()
	registry := runtimes.NewRegistry(r)
	registry.LogTo(o.Logger)
	registry.Probe(t.Context())
	registry.Probe(t.Context())
	a := registry.Offer(runtimes.Native).Availability
	reasontest.Unavailable(t, a)
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=WARN") || !strings.Contains(got, "ModuleNotFoundError") {
		t.Errorf("logged %s", got)
	}
	_, err := r.Create(t.Context(), boxedtest.Spec("s1", runtimes.Python))
	var failed *runtimes.EnvironmentError
	if !errors.As(err, &failed) || failed.Reason != a.Reason {
		t.Errorf("a create says %v", err)
	}
}
