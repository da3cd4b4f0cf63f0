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
		TreeShaking: api.TreeShakingFalse, Supported: map[string]bool{"top-level-await": true},
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
		if want, known := lines[t.start]; known && want > line && mayBreak(tokens, i) {
			b.WriteString(strings.Repeat("\n", want-line))
			line = want
		}
		b.WriteString(t.text)
		line += strings.Count(t.text, "\n") // of a template
		at = t.end
	}
	return b.String()
}

// mayBreak reports whether a line break may come before tokens[i].
func mayBreak(tokens []token, i int) bool {
	if i == 0 {
		return true
	}
	switch t := tokens[i]; t.kind {
	case js.ArrowToken, js.IncrToken, js.DecrToken, js.TemplateMiddleToken, js.TemplateEndToken:
		return false
	}
	switch tokens[i-1].text {
	case "return", "throw", "break", "continue", "yield", "async", "let", "static", "get", "set":
		return false
	}
	return true
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
