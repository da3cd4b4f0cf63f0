package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

// Each case of the list is there once and says what there is to say.
func TestTheTableIsWhole(t *testing.T) {
	want := map[string]bool{}
	for letter, n := range map[string]int{"P": 42, "F": 8, "W": 14, "V": 15, "J": 16, "S": 14, "K": 10, "R": 16} {
		for i := range n {
			want[fmt.Sprint(letter, i+1)] = true
		}
	}
	for _, c := range Cases {
		if !want[c.ID] {
			t.Errorf("the case %s is there twice, or is none of the list", c.ID)
		}
		delete(want, c.ID)
		if c.Title == "" || c.Want == "" || c.Stops == "" && len(c.Tests) > 0 {
			t.Errorf("%s: %+v lacks something", c.ID, c)
		}
		if len(c.Tests) == 0 && c.Unmet == "" {
			t.Errorf("%s: no test proves it, and it does not say why", c.ID)
		}
		for _, text := range []string{c.Title, c.Want, c.Stops, c.Unmet, c.Peers} {
			if strings.ContainsAny(text, "|\n") {
				t.Errorf("%s: %q does not fit into a table", c.ID, text)
			}
		}
	}
	for id := range want {
		t.Errorf("the case %s is missing", id)
	}
}

// Each test that a case names exists, with its parts.
func TestTheTableNamesTestsThatExist(t *testing.T) {
	sources := map[string]string{}
	source := func(pkg string) string {
		if text, ok := sources[pkg]; ok {
			return text
		}
		var b strings.Builder
		paths, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*.go"))
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") && pkg != "runtimes/runtimetest" {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(text)
		}
		sources[pkg] = b.String()
		return sources[pkg]
	}
	for _, c := range Cases {
		for _, one := range c.tests() {
			if !strings.Contains(source(one.pkg), "func "+one.name+"(") {
				t.Errorf("%s: %s has no %s", c.ID, one.pkg, one.name)
			}
			in := one.pkg
			if one.conforms() {
				in = "runtimes/runtimetest"
			}
			if one.rest == "" {
				continue
			}
			for part := range strings.SplitSeq(one.rest, "/") {
				if text := source(in); !strings.Contains(text, `{"`+part+`", `) && !strings.Contains(text, `name: "`+part+`"`) {
					t.Errorf("%s: %s has no part %s", c.ID, one.name, part)
				}
			}
		}
	}
}

// The page is that of the table and of the results beside it.
func TestThePageIsThatOfTheResults(t *testing.T) {
	want, err := Page("testdata")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "hostile.md"))
	if err != nil || string(page) != want {
		t.Errorf("docs/hostile.md is not what `make hostile HOSTILE=-render` writes: %v", err)
	}
	for _, who := range []string{Root, User} {
		r, err := Load("testdata", who)
		if err != nil {
			t.Fatal(err)
		}
		for id := range r.Cases {
			if !slices.ContainsFunc(Cases, func(c Case) bool { return c.ID == id }) {
				t.Errorf("the results of %s have a case %s that is not in the table", who, id)
			}
		}
	}
}

func TestResultsAreCountedWhereTheyAreFrom(t *testing.T) {
	events, err := read(strings.NewReader(`{"Action":"run","Test":"TestX/Bun/A"}
{"Action":"output","Test":"TestX/Bun/A","Output":"    x_test.go:3: no reason\n"}
{"Action":"skip","Test":"TestX/Bun/A"}
{"Action":"pass","Test":"TestX/Native/A"}
{"Action":"pass","Test":"TestX/Native/B"}
{"Action":"fail","Test":"TestX/Docker/A"}
{"Action":"fail","Test":"TestX/Docker"}
{"Action":"pass","Test":"TestX"}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := &Results{Cases: map[string]map[string]Outcome{}}
	r.add([]Case{{ID: "P1", Tests: []string{"cmd/x TestX/A"}}, {ID: "P2", Tests: []string{"cmd/x TestY"}}}, "cmd/x", events)
	if got, want := fmt.Sprint(r.Cases), "map[P1:map[Bun:{0 0 1 no reason} Docker:{0 1 0 } Native:{1 0 0 }]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPatternsRunWhatIsNamedAndNoMore(t *testing.T) {
	got := patterns([]test{{"p", "TestA", ""}, {"p", "TestB", "X"}, {"p", "TestB", "Y"}, {"runtimes/bun", "TestBunConforms", "S/C"}, {"runtimes/bun", "TestBunConforms", "T/D"}})
	want := []string{"^(TestA)$", "^TestB$/.*/^(X|Y)$", "^TestBunConforms$/.*/^(S|T)$/^(C|D)$"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, pattern := range got {
		for part := range strings.SplitSeq(pattern, "/") {
			if _, err := regexp.Compile(part); err != nil {
				t.Error(err)
			}
		}
	}
}
