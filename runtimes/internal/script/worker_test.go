package script

import (
	"errors"
	"strings"
	"testing"
)

// Code that costs a parser everything costs a worker, and the next cell is prepared.
func TestCodeWithoutEndEndsAWorkerAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		o    Options
	}{
		"brackets": {strings.Repeat("(", 256<<10), Options{TypeScript: true}},
		"braces":   {strings.Repeat("{", 256<<10), Options{TypeScript: true, Globals: true}},
	} {
		_, err := Rewrite(c.code, c.o)
		if !errors.As(err, new(*SyntaxError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	pattern := "let " + strings.Repeat("[", 128<<10) + strings.Repeat("]", 128<<10) + "=0"
	if _, err := Rewrite(pattern, Options{Globals: true}); err != nil && !errors.As(err, new(*SyntaxError)) {
		t.Errorf("a pattern: %v", err)
	}
	if code, err := Rewrite("const x: number = 41; x + 1", Options{TypeScript: true}); err != nil || strings.Contains(code, "number") {
		t.Errorf("%q, %v", code, err)
	}
	long := "'" + strings.Repeat("x", 5<<20) + "'"
	if code, err := Rewrite("import 'fs'\n"+long, Options{}); err != nil || !strings.HasSuffix(strings.TrimSpace(code), long) || strings.HasPrefix(code, "import '") {
		t.Errorf("%d bytes, %.60q, %v", len(code), code, err)
	}
}
