package gocell

import (
	"errors"
	"go/parser"
	"go/token"
	"testing"
)

// Whatever cells are, they are programs whose files can be parsed, or an Error that
// has a place in them.
func FuzzCells(f *testing.F) {
	for _, c := range contexts {
		for _, s := range c.steps {
			f.Add(s.code, "type point int\nvar a, b = 1, 2\nconst (\n\tc = iota; d\n)\nfunc f() {}\nimport \"fmt\"")
		}
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		state := &State{}
		for n, code := range []string{first, second, first} {
			p, err := state.Program(code, n+1)
			var wrong *Error
			if errors.As(err, &wrong) {
				if wrong.Message == "" || wrong.Line < 0 || wrong.Column < 0 {
					t.Errorf("%q: %+v", code, wrong)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%q: %v", code, err)
			}
			for _, file := range p.Files {
				if _, err := parser.ParseFile(token.NewFileSet(), file.Name, file.Content, 0); err != nil {
					t.Errorf("%q makes %s:\n%s\n%v", code, file.Name, file.Content, err)
				}
			}
			state = p.After
		}
	})
}
