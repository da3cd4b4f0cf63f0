// Package reason makes the sentences that tell clients and the operator why
// something cannot be used here and what to do. A sentence is one line, holds
// no program's text, and of what programs and the kernel say only a bounded
// part; the whole cause is the log's.
package reason

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max is how long a sentence may be, in bytes.
const Max = 300

// Line makes one line of a text: without control characters and of at most max
// bytes, the end of what was cut being "…".
func Line(text string, max int) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	const mark = "…"
	if len(text) <= max {
		return text
	}
	end := max - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.TrimSpace(text[:end]) + mark
}

// LastLine is the last line of what a program wrote that says something.
func LastLine(text string, max int) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		if line := Line(escapes.ReplaceAllString(lines[i], ""), max); line != "" {
			return line
		}
	}
	return ""
}

// escapes are what programs write to color a terminal (ECMA-48, CSI).
var escapes = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// absolute finds paths; the first group is what stands before.
var absolute = regexp.MustCompile(`(^|[\s"'=(:,])(/[^\s"':,;)/][^\s"':,;)]*)`)

// WithoutPaths leaves away every absolute path of a text, for they are the
// server's own affair.
func WithoutPaths(text string) string { return absolute.ReplaceAllString(text, "$1…") }
