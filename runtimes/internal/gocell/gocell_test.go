package gocell

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// step is a cell, and what its program prints, or a piece of what is wrong with it;
// with neither it is not run.
type step struct{ code, out, wrong string }

// contexts are cells that come one after another.
var contexts = []struct {
	name  string
	steps []step
}{
	{"statements", []step{
		{code: "println(6 * 7)", out: "42\n"},
		{code: ""},
		{code: "// nothing"},
		{code: "for i := 0; i < 3; i++ {\n\tif i == 1 {\n\t\tcontinue\n\t}\n\tprint(i)\n}", out: "02"},
		{code: "func() {\n\tprint(\"literal\")\n}()", out: "literal"},
		{code: "func(a int) int {\n\tprint(a)\n\treturn a\n}(5)", out: "5"},
		{code: "x := []int{1, 2}\nfor _, y := range x { print(y) }\nreturn\n", out: "12"},
	}},
	{"declarations stay", []step{
		{code: "type point struct{ x, y int }\nfunc (p point) sum() int { return p.x + p.y }"},
		{code: "func (p *point) double() { p.x *= 2 }\np := point{3, 4}; p.double(); print(p.sum())", out: "10"},
		{code: "type point struct{ x int }\nfunc (p point) only() int { return p.x }\nprint(point{7}.only())", out: "7"},
		{code: "print(point{}.sum())", wrong: "<cell 4>:1:15: point{}.sum undefined"},
		{code: "print(point{8}.only())", out: "8"},
	}},
	{"redeclarations of a part", []step{
		{code: "const (\n\ta = iota\n\tb\n\tc\n)\nvar d, e = f()\nfunc f() (int, int) { return 10, 11 }\ntype (t int; u string)"},
		{code: "var b = \"new\"\nvar d = 'd'\ntype t string\nprint(a, b, c, d, e, t(\"t\"), u(\"u\"))", out: "0new210011tu"},
	}},
	{"variables begin anew", []step{
		{code: "var n = 1\nn++"},
		{code: "show := func(a any) { print(a.(int)) }\nshow(n)", out: "1"},
		{code: "n += 5\nprint(n)", out: "6"},
	}},
	{"variables of main", []step{
		{code: "a := 2\nvar b = a * 3\nvar c int = b\nprint(c)\nvar stays = 4", out: "6"},
		{code: "print(stays)", out: "4"},
		{code: "print(b)", wrong: "<cell 3>:1:7: undefined: b"},
	}},
	{"imports", []step{
		{code: "import (\n\t\"fmt\"\n\t\"os\"\n\tr \"math/rand/v2\"\n)\nfunc dice() int { return 1 + r.IntN(1) }\nfmt.Print(dice())", out: "1"},
		{code: "import r \"strings\"\nfmt.Print(r.ToUpper(\"x\"), dice())", out: "X1"},
		{code: "func strings() string { return \"mine\" }\nfmt.Print(strings())", out: "mine"},
		{code: "import \"strings\"\nfmt.Print(strings.ToUpper(\"y\"))", out: "Y"},
		{code: "import . \"errors\"\nfmt.Print(New(\"dot\"))", out: "dot"},
		{code: "fmt.Print(1)", out: "1"},
		{code: "import \"no/such\"\nvar x = such.X", wrong: "<cell 7>:1:8: package no/such is not in std"},
		{code: "import \"C\"", wrong: "<cell 8>:1:8: import \"C\" is for whole programs"},
	}},
	{"whole programs", []step{
		{code: "var kept = 1"},
		{code: "package main\n\nimport (\n\t\"os\"; \"fmt\"\n\tx \"strings\"\n)\n\nimport \"errors\"\n\nfunc main() { fmt.Print(\"whole\") }", out: "whole"},
		{code: "package main\nfunc main() { print(kept) }", wrong: "<cell 3>:2:21: undefined: kept"},
		{code: "package main\nimport \"fmt\"\nfunc g() int { return kept + 1 }"},
		{code: "fmt.Print(g())", out: "2"},
		{code: "func main() { fmt.Print(\"entry\", g()) }", out: "entry2"},
		{code: "func main() {}\nprint()", wrong: "<cell 7>:1:1: a cell has a function main, or statements"},
		{code: "package other\nfunc main() {}", wrong: "<cell 8>:1:9: package other: a cell is of package main"},
	}},
	{"errors", []step{
		{code: "x := (1", wrong: "<cell 1>:1:8: syntax error: expected ')'"},
		{code: "\n}\nfunc main() {", wrong: "<cell 2>:2:1: syntax error: unexpected }"},
		{code: "if true {", wrong: "syntax error: expected '}'"},
		{code: "\n\n  s := \"open", wrong: "<cell 4>:3:8: syntax error: string literal not terminated"},
		{code: "func f() int {\n\treturn \"x\"\n}", wrong: "<cell 5>:2:9: cannot use \"x\""},
		{code: "\nx := 1", wrong: "<cell 6>:2:1: declared and not used: x"},
		{code: "func f() string { return \"good\" }\nfunc g() string { return f() }"},
		{code: "func f() int { return 1 }", wrong: "<cell 7>:2:26: cannot use f()"},
		{code: "print(g())", out: "good"},
		{code: "a\x00b", wrong: "<cell 10>:1:2: syntax error: illegal character NUL"},
		{code: "\xff", wrong: "<cell 11>:1:1: syntax error: illegal UTF-8"},
	}},
}

func TestCellsAreProgramsOfGo(t *testing.T) {
	t.Parallel()
	for _, c := range contexts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state := &State{}
			for n, s := range c.steps {
				out, after, err := runProgram(t, state, s, n+1)
				switch {
				case s.wrong != "" && (err == nil || !strings.Contains(err.Error(), s.wrong)):
					t.Errorf("cell %d %q: %v, want %q", n+1, s.code, err, s.wrong)
				case s.wrong == "" && (err != nil || out != s.out):
					t.Errorf("cell %d %q: printed %q, want %q; %v", n+1, s.code, out, s.out, err)
				}
				state = after
			}
		})
	}
}

// runProgram runs a cell; what cannot be compiled changes nothing.
func runProgram(t *testing.T, before *State, s step, number int) (out string, after *State, err error) {
	t.Helper()
	p, err := before.Program(s.code, number)
	var wrong *Error
	if errors.As(err, &wrong) {
		return "", before, fmt.Errorf("<cell %d>:%d:%d: %s", number, wrong.Line, wrong.Column, wrong.Message)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.out == "" && s.wrong == "" {
		return "", p.After, nil // it declares
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", "program", "-ldflags=-s -w", "-gcflags=-trimpath="+dir+"=>")
	for _, f := range p.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Content, 0o600); err != nil {
			t.Fatal(err)
		}
		build.Args = append(build.Args, f.Name)
	}
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOWORK=off")
	if said, err := build.CombinedOutput(); err != nil {
		for _, f := range p.Files {
			said = append(said, fmt.Sprintf("-- %s --\n%s", f.Name, f.Content)...)
		}
		return "", before, errors.New(string(said))
	}
	said, err := exec.Command(filepath.Join(dir, "program")).CombinedOutput()
	return string(said), p.After, err
}

// What is as long as it may be, and takes apart into as much as it can, is a program
// or an Error all the same.
func TestLongCellsOfGo(t *testing.T) {
	t.Parallel()
	repeat := func(first, again string) string {
		return first + strings.Repeat(again, (MaxCode-len(first))/len(again))
	}
	for _, c := range []struct{ name, code, wrong string }{
		{"too long", strings.Repeat(" ", MaxCode+1), "has at most 1048576 bytes"},
		{"local variables", repeat("a := 1;", "var b=a;"), ""},
		{"imports", repeat("", `import"a";`), "at most 1000 imports"},
		{"an import that is not used", "import \"" + strings.Repeat("a", MaxKept) + "\"", "at most 262144 bytes together"},
		{"brackets", strings.Repeat("(", MaxCode), "exceeded max nesting depth"},
		{"functions", repeat("", "func f(){g.h()};"), "at most 262144 bytes together"},
	} {
		p, err := (&State{}).Program(c.code, 1)
		switch {
		case c.wrong == "" && (err != nil || len(p.Files) != 1):
			t.Errorf("%s: %.200v", c.name, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %.200v", c.name, err)
		}
	}
}
