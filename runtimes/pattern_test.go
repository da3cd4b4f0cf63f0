package runtimes

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

func TestAPatternMatchesNamesOrPaths(t *testing.T) {
	for _, c := range []struct{ pattern, matches, not string }{
		{"", "a a/b", ""},
		{"*.py", "x.py a/b/x.py .py", "x.pyc x.py/y"},
		{"*.{ts,tsx}", "a.ts b/a.tsx", "a.tsxx a.t"},
		{"[a-c]?", "ab x/cz", "a da abc"},
		{`\*`, "* a/*", "x"},
		{`[\]]`, "]", "a"},
		{`{[,],b}`, ", b", "a"},
		{"**", "a a/b", ""},
		{"**/*.py", "x.py a/x.py a/b/x.py", "x.pyc"},
		{"src/*.py", "src/x.py", "x.py src/a/x.py a/src/x.py"},
		{"./src/*", "src/x", "x"},
		{"src/**", "src src/a src/a/b", "a srcs/a"},
		{"{src,test}/**/*.go", "src/a.go test/x/y/b.go", "a.go lib/a.go"},
		{"a{,/b}", "a a/b", "b x/a"},
		{"{a/{b,c},d}", "a/b a/c d", "b a x/d"},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for _, path := range strings.Fields(c.matches) {
			if !p.Match(path) {
				t.Errorf("%s does not match %s", c.pattern, path)
			}
			for dir := path; strings.Contains(dir, "/"); {
				dir = dir[:strings.LastIndexByte(dir, '/')]
				if !p.Below(dir) {
					t.Errorf("%s: nothing is looked for below %s, where %s is", c.pattern, dir, path)
				}
			}
		}
		for _, path := range strings.Fields(c.not) {
			if p.Match(path) {
				t.Errorf("%s matches %s", c.pattern, path)
			}
		}
	}
}

func TestAPatternGoesDownNoFurtherThanItSays(t *testing.T) {
	for _, c := range []struct{ pattern, below, not string }{
		{"src/*.py", "src", "lib src/a"},
		{"a/*/c", "a a/b", "b a/b/c"},
		{"a/**/c", "a a/b a/b/c", "b"},
		{"{a,b}/x", "a b", "c a/x"},
		{"*.py", "a a/b", ""},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range strings.Fields(c.below) {
			if !p.Below(dir) {
				t.Errorf("%s is not looked for below %s", c.pattern, dir)
			}
		}
		for _, dir := range strings.Fields(c.not) {
			if p.Below(dir) {
				t.Errorf("%s is looked for below %s", c.pattern, dir)
			}
		}
	}
}

func TestWhatCannotBeAPatternIsRefused(t *testing.T) {
	for _, pattern := range []string{
		"[a", "[]", "{a", "a}", `a\`, "/a", "a/", "a//b", "../a", "a/../b", "a/.", "{,a}/b", "{a/../b,c}", strings.Repeat("{a,b}", 8), strings.Repeat("{a,b}", 200),
		"{" + strings.Repeat("a,", 128) + "b}",
	} {
		if _, err := ParsePattern(pattern); err == nil {
			t.Errorf("%.40s is a pattern", pattern)
		}
	}
}

// doublestar matches these by trying all their alternatives at all places.
func TestNoPatternTakesLong(t *testing.T) {
	name := strings.Repeat("a", 255)
	start := time.Now()
	for _, pattern := range []string{strings.Repeat("*{a,aa}", 7) + "b", strings.Repeat("{*a,*}", 7) + "b", strings.Repeat("*a", 500) + "b", strings.Repeat("{a}", 300)} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if p.Match(name) {
			t.Errorf("%s matches", pattern)
		}
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// FuzzPattern compares with doublestar, which reads braces by itself.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"*.py a.py", "**/x a/b/x", "{a,b}/* b/c", `\{a {a`, "[{,}] ,", "a{,/b} a/b", "{a/{b,c},d} a/c"} {
		pattern, path, _ := strings.Cut(s, " ")
		f.Add(pattern, path)
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if len(pattern) > 30 || len(path) > 30 || path == "" || strings.HasPrefix(pattern, "./") || slices.Contains(strings.Split(path, "/"), "") {
			t.Skip("no path, or slow to compare")
		}
		p, err := ParsePattern(pattern)
		if err != nil || pattern == "" {
			return
		}
		name := path
		if !p.Paths() {
			name = path[strings.LastIndexByte(path, '/')+1:]
		}
		got := p.Match(path)
		// doublestar takes no "**" that braces make or hide.
		if want := doublestar.MatchUnvalidated(pattern, name); got != want && !strings.Contains(pattern, "{") {
			t.Errorf("%q on %q: %v", pattern, path, got)
		}
		for dir := path; got && p.Paths() && strings.Contains(dir, "/"); {
			dir = dir[:strings.LastIndexByte(dir, '/')]
			if !p.Below(dir) {
				t.Errorf("%q matches %q, and nothing is looked for below %q", pattern, path, dir)
			}
		}
	})
}
