package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTypedCodeIsWholeWhenNothingIsOpen(t *testing.T) {
	for _, c := range []struct {
		language, code string
		want           bool
	}{
		{"python", "x = 1\n", true},
		{"python", "f(1,\n", false},
		{"python", "f(1,\n2)\n", true},
		{"python", "def f():\n", false},
		{"python", "def f():\n  return 1\n", false},
		{"python", "def f():\n  return 1\n\n", true},
		{"python", "if x: # why:\n", false},
		{"python", "x = 1 # why:\n", true},
		{"python", "s = '''a\n", false},
		{"python", "s = '''a\n'''\n", true},
		{"python", "s = 'it\\'s ('\n", true},
		{"python", "s = 'unclosed\n", true},
		{"python", "x = 1 + \\\n", false},
		{"python", "@cache\n", false},
		{"python", "# (\n", true},
		{"python", "(\n\n\n", true},
		{"javascript", "const f = () => {\n", false},
		{"javascript", "const f = () => {\n}\n", true},
		{"javascript", "x = `a\n", false},
		{"javascript", "x =\n", false},
		{"javascript", "x++\n", true},
		{"javascript", "/* a\n", false},
		{"javascript", "/[(]/\n", false},
		{"javascript", "/[(]/\n\n\n", true},
		{"javascript", "'=>'\n", true},
		{"go", "func f() {\n", false},
		{"go", "s := `\\`\n", true},
		{"unknown", "anything (\n", false},
	} {
		if got := whole(c.language, c.code); got != c.want {
			t.Errorf("%s %q: %v", c.language, c.code, got)
		}
	}
}

func TestATextIsCutIntoCellsAtEmptyLines(t *testing.T) {
	for _, c := range []struct {
		language, text string
		want           []string
	}{
		{"python", "", nil},
		{"python", "\n \n", nil},
		{"python", "a = 1\nb = 2\n\n\nprint(a)", []string{"a = 1\nb = 2\n", "print(a)"}},
		{"python", "def f():\n  a = 1\n\n  return a\n\nelse:\n  x\n\nf()\n", []string{"def f():\n  a = 1\n\n  return a\n\nelse:\n  x\n", "f()\n"}},
		{"python", "s = '''\n\n'''\n\ns\n", []string{"s = '''\n\n'''\n", "s\n"}},
		{"javascript", "f(\n\n1)\n\nx\n", []string{"f(\n\n1)\n", "x\n"}},
		{"go", "package main\n\nfunc main() {\n}\n\n// end\n", []string{"package main\n\nfunc main() {\n}\n\n// end\n"}},
	} {
		cells := cellReader{language: c.language}
		var got []string
		for line := range strings.Lines(c.text) {
			got = append(got, cells.add(line, false)...)
		}
		if got = append(got, cells.add("", true)...); !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %q", c.language, c.text, got)
		}
	}
}

func replRunsAPipe(t *testing.T, c *cli) {
	dir := t.TempDir()
	out, complaints, code := c.run(t, "import sys\nx = 41\n\ndef f():\n  return x\n\n  # the same\nprint('out'); print('err', file=sys.stderr)\n\nf() + 1\n\n"+
		"display({'text/plain': 'shown', 'text/html': '<b>x</b>', 'image/png': b'\\x89PNG'}, raw=True)\n\nsys.stdin.read()\n", "repl", "--save", dir, "python")
	png, html := filepath.Join(dir, "cell4-1.png"), filepath.Join(dir, "cell4-1.html")
	if want := "out\n42\nshown\n[image/png, text/html: " + png + ", " + html + "]\n''\n"; out != want || complaints != "err\n" || code != 0 {
		t.Errorf("%q, want %q; %q, exit code %d", out, want, complaints, code)
	}
	if content, err := os.ReadFile(png); err != nil || string(content) != "\x89PNG" {
		t.Errorf("%q, %v", content, err)
	}
	if content, err := os.ReadFile(html); err != nil || string(content) != "<b>x</b>" {
		t.Errorf("%q, %v", content, err)
	}
	out, complaints, code = c.run(t, "1\n\n[][1]\n\nprint('never')\n", "repl", "python")
	if out != "1\n" || code != 1 || !strings.Contains(complaints, "File \"<cell 2>\", line 1") || !strings.HasSuffix(complaints, "\nIndexError: list index out of range\n") {
		t.Errorf("an exception: %q, %q, exit code %d", out, complaints, code)
	}
	if out, complaints, code = c.run(t, "print(6 * 7)\nexit(7)\n\nprint('never')\n", "repl", "python"); out != "42\n" || complaints == "" || code != 7 {
		t.Errorf("exit: %q, %q, exit code %d", out, complaints, code)
	}
	c.wantNoSession(t)
}
