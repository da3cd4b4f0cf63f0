package native

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
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
	if _, err := findHere(t); err == nil || !strings.Contains(err.Error(), "cannot be shown to sessions") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutAnyToolTheReasonSaysWhatToInstall(t *testing.T) {
	fakeTools(t, nil)
	t.Setenv("PATH", "/nonexistent")
	_, err := findHere(t)
	if err == nil || !strings.Contains(err.Error(), "install one of them") {
		t.Errorf("got %v", err)
	}
}
