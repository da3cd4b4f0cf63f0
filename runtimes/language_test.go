package runtimes

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The table is what the code and the folders take it for.
func TestTheTableOfLanguagesIsWhole(t *testing.T) {
	for l, name := range map[Language]string{JavaScript: "javascript", TypeScript: "typescript", Python: "python", Go: "go", CSharp: "csharp"} {
		if l.String() != name {
			t.Errorf("language %d is %q, not %q", l, l, name)
		}
	}
	for kind, name := range map[Type]string{Bun: "Bun", Deno: "Deno", Native: "Native", Docker: "Docker", Embedded: "Embedded"} {
		if kind.String() != name || DeclaredFigures(kind).Startup == 0 {
			t.Errorf("runtime %d is %q, not %q", kind, kind, name)
		}
	}
	for i := range languages {
		if err := languages[i].check(&tables{languages[:i], kinds}); err != nil {
			t.Errorf("%s: %v", languages[i].Name, err)
		}
		if _, err := os.Stat(filepath.Join("..", "docker", languages[i].Recipe, "Dockerfile")); err != nil {
			t.Errorf("%s: %v", languages[i].Name, err)
		}
	}
}

func TestFilesAreRunByTheTable(t *testing.T) {
	for _, c := range []struct {
		language Language
		kind     Type
		want     string
	}{
		{JavaScript, Bun, "bun f"}, {JavaScript, Deno, "deno run f"}, {JavaScript, Native, "node f"}, {JavaScript, Docker, "node f"},
		{TypeScript, Bun, "bun f"}, {TypeScript, Deno, "deno run f"}, {TypeScript, Native, "node f"}, {TypeScript, Docker, "tsx f"},
		{Python, Docker, "python3 f"}, {Go, Native, "go run f"}, {0, Docker, ""},
	} {
		if got := strings.Join(c.language.RunLine(c.kind, "f"), " "); got != c.want {
			t.Errorf("%v on %v: %q", c.language, c.kind, got)
		}
	}
	if line := CSharp.RunLine(Docker, "f"); len(line) != 5 || line[4] != "f" {
		t.Errorf("C# is run by %q", line)
	}
	if line := Python.EvalLine(Native, "1"); !slices.Equal(line, []string{"python3", "-c", "1"}) || Go.EvalLine(Native, "1") != nil {
		t.Errorf("Python's code is run by %q", line)
	}
	if l, ok := LanguageOfSuffix(".PY"); l != Python || !ok {
		t.Errorf(".PY is %v", l)
	}
	if l, ok := LanguageOfSuffix(""); ok {
		t.Errorf("no suffix is %v", l)
	}
}

func TestAnEntryThatCannotBeIsRefused(t *testing.T) {
	good := LanguageFacts{
		Name: "lua", Suffixes: []string{".lua"}, Runtimes: []Type{Native}, Tools: []Tool{{Name: "lua"}},
		Run: []string{"lua", File}, Hello: "print('hello 42')",
	}
	for what, spoil := range map[string]func(*LanguageFacts){
		"an invalid name":     func(f *LanguageFacts) { f.Name = "Lua 5" },
		"another's name":      func(f *LanguageFacts) { f.Name = "c#" },
		"another's alias":     func(f *LanguageFacts) { f.Aliases = []string{"py"} },
		"another's suffix":    func(f *LanguageFacts) { f.Suffixes = []string{".lua", ".mjs"} },
		"no suffix":           func(f *LanguageFacts) { f.Suffixes = nil },
		"no runtime":          func(f *LanguageFacts) { f.Runtimes = nil },
		"no tool":             func(f *LanguageFacts) { f.Tools = nil },
		"no place for a file": func(f *LanguageFacts) { f.Run = []string{"lua"} },
		"no hello":            func(f *LanguageFacts) { f.Hello = "" },
	} {
		bad := good
		spoil(&bad)
		if l, err := AddLanguage(bad); err == nil || l != 0 {
			t.Errorf("%s: %v, %v", what, l, err)
		}
	}
	if len(Languages()) != len(languages) {
		t.Errorf("the table has %v", Languages())
	}
}

// A registry that was made before a language, or a runtime, does not know it.
func TestWhatIsAddedLaterIsOfNoHarm(t *testing.T) {
	before := now()
	t.Cleanup(func() { known.Store(before) })
	r := NewRegistry(&stub{kind: Native})
	late, err := AddLanguage(LanguageFacts{
		Name: "late", Suffixes: []string{".late"}, Runtimes: []Type{Native}, Tools: []Tool{{Name: "late"}}, Run: []string{"late", File}, Hello: "x",
	})
	kind := AddRuntime(RuntimeFacts{Name: "Late", Serves: []string{"late", "go"}})
	if err != nil || r.Select(late, Speed) != nil || r.Offer(kind).Runtime != nil {
		t.Errorf("%v, %v", r.Select(late, Speed), err)
	}
	if !slices.Contains(late.Runtimes(), kind) || !slices.Contains(Go.Runtimes(), kind) || slices.Contains(Python.Runtimes(), kind) {
		t.Errorf("late is served by %v, go by %v", late.Runtimes(), Go.Runtimes())
	}
	r.Probe(t.Context())
	if rt := r.Select(late, Speed); rt == nil || !slices.Contains(r.Served(), late) {
		t.Errorf("after a probe it is served by %v", rt)
	}
	if got := testing.AllocsPerRun(100, func() { r.Select(Go, Speed) }); got != 0 {
		t.Errorf("to select allocates %v times", got)
	}
}
