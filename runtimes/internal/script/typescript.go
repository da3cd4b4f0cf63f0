package script

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/tdewolff/parse/v2/js"
)

// SyntaxError is what is wrong with a cell.
type SyntaxError struct {
	Message      string
	Line, Column int    // from 1; 0 where they are not known
	Text         string // the line
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message) }

// settings keep imports, which a later cell may use.
const settings = `{"compilerOptions":{"verbatimModuleSyntax":true,"useDefineForClassFields":true,"experimentalDecorators":false}}`

// strip makes TypeScript JavaScript on the same lines.
func strip(source string) (string, error) {
	r := api.Transform(source, api.TransformOptions{
		Loader: api.LoaderTS, Target: api.ES2022, Charset: api.CharsetUTF8, TsconfigRaw: settings, LogLevel: api.LogLevelSilent,
		Sourcemap: api.SourceMapExternal, SourcesContent: api.SourcesContentExclude, LegalComments: api.LegalCommentsNone,
		TreeShaking: api.TreeShakingFalse, Supported: map[string]bool{"top-level-await": true, "import-attributes": true},
	})
	if len(r.Errors) > 0 {
		e := &SyntaxError{Message: r.Errors[0].Text}
		if at := r.Errors[0].Location; at != nil {
			e.Line, e.Column, e.Text = at.Line, at.Column+1, at.LineText
		}
		return "", e
	}
	return aligned(string(r.Code), r.Map), nil
}

// aligned moves the tokens of generated code to the lines that they come from.
func aligned(code string, sourceMap []byte) string {
	var m struct{ Mappings string }
	if json.Unmarshal(sourceMap, &m) != nil {
		return code
	}
	tokens, err := tokensOf(code)
	if err != nil {
		return code
	}
	lines := origins(code, m.Mappings)
	var b strings.Builder
	at, line := 0, 0
	for i, t := range tokens {
		if i > 0 && t.start > at {
			b.WriteByte(' ')
		}
		if want := origin(lines, tokens, i); want > line && mayBreak(tokens, i) {
			b.WriteString(strings.Repeat("\n", want-line))
			line = want
		}
		if at = t.end; t.text != mark {
			b.WriteString(t.text)
			line += strings.Count(t.text, "\n") // of a template
		}
	}
	return b.String()
}

// origin is the line of tokens[i], or -1. That of a statement's first token, which
// may not be known, is that of the first one in it that is.
func origin(lines map[int]int, tokens []token, i int) int {
	first := i == 0 || strings.Contains("; { }", tokens[i-1].text)
	for ; i < len(tokens); i++ {
		if line, known := lines[tokens[i].start]; known {
			return line
		}
		if !first || strings.Contains("; { }", tokens[i].text) {
			break
		}
	}
	return -1
}

// mayBreak reports whether a line break before tokens[i] changes nothing.
func mayBreak(tokens []token, i int) bool {
	if i == 0 {
		return true
	}
	t, before := tokens[i], tokens[i-1]
	switch {
	case t.kind == js.ArrowToken, t.kind == js.IncrToken, t.kind == js.DecrToken, t.kind == js.TemplateMiddleToken, t.kind == js.TemplateEndToken:
		return false
	case before.text == "return", before.text == "throw", before.text == "async":
		return false
	case before.kind == js.CloseBraceToken:
		return true
	}
	return !ends(before) || !operandBegins(t)
}

// mark is the name of a function that the last expression is given to while types
// are taken off: what has no effect would go with them.
const mark = "__value"

// marked puts the mark around the last expression, as far as a reader of JavaScript
// can tell where that begins.
func marked(source string, tokens []token) string {
	statements, err := statementsOf(tokens)
	if err != nil || len(statements) == 0 {
		return source
	}
	s := statements[len(statements)-1]
	first, last := tokens[s.first], tokens[s.end-1]
	if s.form != expression || last.kind == js.SemicolonToken {
		return source
	}
	if s.end-s.first > 2 && typeWords[first.text] && (js.IsIdentifierName(tokens[s.first+1].kind) || tokens[s.first+1].kind == js.StringToken) {
		return source
	}
	return source[:first.start] + mark + "(" + source[first.start:last.end] + ")" + source[last.end:]
}

// typeWords begin what only TypeScript has.
var typeWords = map[string]bool{
	"type": true, "interface": true, "enum": true, "namespace": true, "module": true, "declare": true, "abstract": true, "global": true,
}

// origins are the lines, from 0, by the offset of what comes from them. mappings is
// that of a source map of one source.
func origins(code, mappings string) map[int]int {
	lines := map[int]int{}
	begin, origin := 0, 0
	for _, of := range strings.Split(mappings, ";") {
		column := 0
		for _, segment := range strings.Split(of, ",") {
			fields := decodeVLQ(segment)
			if len(fields) == 0 {
				continue
			}
			column += fields[0]
			if len(fields) >= 4 {
				origin += fields[2]
				if offset, ok := utf16Offset(code, begin, column); ok {
					lines[offset] = origin
				}
			}
		}
		next := strings.IndexByte(code[begin:], '\n')
		if next < 0 {
			break
		}
		begin += next + 1
	}
	return lines
}

// utf16Offset is the offset of a column of a line: columns count UTF-16 units.
func utf16Offset(code string, begin, column int) (int, bool) {
	ascii := true
	for i := begin; i < begin+column; i++ {
		if i >= len(code) || code[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		return begin + column, begin+column <= len(code)
	}
	for i, r := range code[begin:] {
		if column <= 0 {
			return begin + i, column == 0
		}
		if column--; r > 0xffff {
			column--
		}
	}
	return 0, false
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodeVLQ reads the numbers of one segment of a source map.
func decodeVLQ(segment string) []int {
	var fields []int
	value, shift := 0, 0
	for _, c := range segment {
		digit := strings.IndexRune(digits, c)
		if digit < 0 || shift > 30 {
			return nil
		}
		value |= (digit & 31) << shift
		if digit&32 != 0 {
			shift += 5
			continue
		}
		if value&1 != 0 {
			value = -(value >> 1)
		} else {
			value >>= 1
		}
		fields = append(fields, value)
		value, shift = 0, 0
	}
	return fields
}
