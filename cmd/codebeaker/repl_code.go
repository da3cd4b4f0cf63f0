package main

import (
	"regexp"
	"strings"
)

// marks are how a language writes comments and strings.
type marks struct {
	line    string    // a comment to the end of its line
	strings []quote   // longest first
	block   [2]string // a comment with an end
	indents bool      // blocks are told by their indentation
	goesOn  []string  // what no line ends with that is whole
}

// quote is what a string begins and ends with.
type quote struct {
	mark  string
	lines bool // it may have several
	raw   bool // without escapes
}

var scriptMarks = marks{
	line: "//", block: [2]string{"/*", "*/"}, strings: []quote{{mark: "`", lines: true}, {mark: `"`}, {mark: "'"}},
	goesOn: []string{"=>", "=", "&&", "||", "??", "?", ",", "."},
}

var marksOf = map[string]marks{
	"python": {
		line: "#", strings: []quote{{mark: `"""`, lines: true}, {mark: "'''", lines: true}, {mark: `"`}, {mark: "'"}},
		indents: true, goesOn: []string{`\`},
	},
	"javascript": scriptMarks,
	"typescript": scriptMarks,
	"go":         {line: "//", block: [2]string{"/*", "*/"}, strings: []quote{{mark: "`", lines: true, raw: true}, {mark: `"`}, {mark: "'"}}},
	"csharp":     {line: "//", block: [2]string{"/*", "*/"}, strings: []quote{{mark: `"`}, {mark: "'"}}},
}

// open reports whether code goes on in the next line: a bracket, a string or a
// comment is open, or its last line says so. Where that cannot be told, as in
// a regular expression, an empty line or two help.
func (m *marks) open(code string) bool {
	depth, last, fresh := 0, "", false // last: what the last line with anything ends with
	ends := func(text string) {
		if fresh {
			last, fresh = "", false
		}
		last = lastOf(last+text, maxMark)
	}
	for at := 0; at < len(code); {
		rest := code[at:]
		if m.line != "" && strings.HasPrefix(rest, m.line) {
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				break
			}
			at += end
			continue
		}
		if m.block[0] != "" && strings.HasPrefix(rest, m.block[0]) {
			end := strings.Index(rest[len(m.block[0]):], m.block[1])
			if end < 0 {
				return true
			}
			at += len(m.block[0]) + end + len(m.block[1])
			continue
		}
		if q, ok := m.quoteAt(rest); ok {
			n, closed := q.skip(rest)
			if !closed && q.lines {
				return true
			}
			at += n
			ends(q.mark)
			continue
		}
		switch c := code[at]; c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if c := code[at]; c == '\n' {
			fresh = true
		} else if c != ' ' && c != '\t' && c != '\r' {
			ends(code[at : at+1])
		}
		at++
	}
	if depth > 0 {
		return true
	}
	for _, end := range m.goesOn {
		if strings.HasSuffix(last, end) {
			return true
		}
	}
	return false
}

// maxMark is the longest mark of all.
const maxMark = 3

func lastOf(s string, n int) string { return s[max(0, len(s)-n):] }

func (m *marks) quoteAt(rest string) (quote, bool) {
	for _, q := range m.strings {
		if strings.HasPrefix(rest, q.mark) {
			return q, true
		}
	}
	return quote{}, false
}

// skip is the length of the string that text begins with.
func (q quote) skip(text string) (n int, closed bool) {
	for n = len(q.mark); n < len(text); n++ {
		switch {
		case text[n] == '\\' && !q.raw:
			n++
		case text[n] == '\n' && !q.lines:
			return n, false
		case strings.HasPrefix(text[n:], q.mark):
			return n + len(q.mark), true
		}
	}
	return min(n, len(text)), false
}

// whole reports whether typed lines are code to run: nothing is open, and no block
// goes on that an empty line has not ended. Two empty lines are the end of anything.
func whole(language, code string) bool {
	if strings.TrimSpace(code) == "" || strings.HasSuffix(code, "\n\n\n") {
		return true
	}
	m := marksOf[language]
	if m.open(code) {
		return false
	}
	if !m.indents || strings.HasSuffix(code, "\n\n") {
		return true
	}
	lines := strings.Split(strings.TrimRight(code, "\n"), "\n")
	last := lines[len(lines)-1]
	comment, _, _ := strings.Cut(last, m.line)
	block := strings.HasSuffix(strings.TrimSpace(comment), ":") || len(lines) > 1 && indented(last) || strings.HasPrefix(last, "@") || strings.HasPrefix(last, "%%")
	return !block
}

func indented(line string) bool { return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") }

// cellReader makes cells of the lines of a text.
type cellReader struct {
	language string
	code     strings.Builder
	blank    int // empty lines that may be the end
}

// add takes a line, and returns the cells that have ended with it.
func (c *cellReader) add(line string, end bool) (cells []string) {
	if strings.TrimSpace(line) == "" && !end {
		c.blank++
		return nil
	}
	if c.blank > 0 && !c.goesOn(line) {
		cells = c.take()
	}
	for ; c.blank > 0; c.blank-- {
		c.code.WriteByte('\n')
	}
	c.code.WriteString(line)
	if end {
		cells = append(cells, c.take()...)
	}
	return cells
}

// goesOn reports whether a line after an empty one belongs to what is before it.
func (c *cellReader) goesOn(line string) bool {
	code, m := c.code.String(), marksOf[c.language]
	switch {
	case indented(line), m.indents && clause.MatchString(line):
		return true
	case c.language == "go" && strings.HasPrefix(strings.TrimSpace(code), "package "):
		return true // to the end: it is a whole program
	}
	return m.open(code)
}

// clause is a line of Python that goes on with a statement.
var clause = regexp.MustCompile(`^(else|elif|except|finally)\b`)

func (c *cellReader) take() (cells []string) {
	if code := c.code.String(); strings.TrimSpace(code) != "" {
		cells = []string{code}
	}
	c.code.Reset()
	c.blank = 0
	return cells
}
