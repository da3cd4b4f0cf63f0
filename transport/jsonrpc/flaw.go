package jsonrpc

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// loose reports whether b is JSON by the grammar alone: names may stand twice
// in an object, and strings hold what is no text.
func loose(b []byte) bool { return json.Valid(b) }

// decodeFlawed reads a request that the decoder has refused. When only its
// params are to blame, the error is -32602 and r.ID the id to answer with; nil
// says that nobody can tell what b asks for.
func (r *Request) decodeFlawed(b []byte) *Error {
	if !loose(b) {
		return nil
	}
	r.env.reset()
	var flawed *ParamError
	seen := make(map[string]bool)
	for i := skipSpace(b, 0) + 1; ; {
		quoted, start, end, ok := member(b, i)
		if !ok {
			break
		}
		name := string(unquoted(quoted))
		if seen[name] || flawOf(quoted) != nil {
			return nil
		}
		seen[name] = true
		if flaw := flawOf(b[start:end]); flaw != nil {
			if name != "params" {
				return nil
			}
			flawed = flaw
		}
		r.env.set(name, b[start:end])
		i = end
	}
	if flawed == nil {
		return nil // too deep, or another reason of the decoder's
	}
	if err := r.check(); err != nil {
		return err
	}
	return flawed.Reply()
}

// set copies the member of a request.
func (e *envelope) set(name string, value []byte) {
	switch name {
	case "jsonrpc":
		e.JSONRPC = append(e.JSONRPC, value...)
	case "id":
		e.ID = append(e.ID, value...)
	case "method":
		e.Method = append(e.Method, value...)
	case "params":
		e.Params = append(e.Params, value...)
	}
}

// The reasons of a flaw.
const (
	flawTwice     = "must not stand there twice"
	flawSurrogate = "must not hold half of a surrogate pair"
	flawUTF8      = "must be UTF-8"
)

// level is an object or an array that flawOf is in.
type level struct {
	names map[string]bool // of an object; nil in an array
	path  int             // length of the path of what the level is
	index int             // of the next element of an array
}

// flawOf finds in b, which is loose JSON, the first member that stands twice or
// a string that is no text: a lone surrogate (RFC 8259, section 8.2), bytes
// that are not UTF-8. One pass, whatever the depth.
func flawOf(b []byte) *ParamError {
	var open []level
	var path []byte // of the value at i
	for i := 0; i < len(b); i++ {
		c := b[i]
		if top := len(open) - 1; top >= 0 && open[top].names == nil && c != ']' && c != ',' && !isSpace(c) {
			path = append(path[:open[top].path], '[')
			path = append(strconv.AppendInt(path, int64(open[top].index), 10), ']')
			open[top].index++
		}
		switch c {
		case '{':
			open = append(open, level{names: make(map[string]bool), path: len(path)})
		case '[':
			open = append(open, level{path: len(path)})
		case '}', ']':
			path = path[:open[len(open)-1].path]
			open = open[:len(open)-1]
		case '"':
			end := skipString(b, i)
			text := b[i:end]
			next := skipSpace(b, end)
			if isName := next < len(b) && b[next] == ':'; isName {
				top := &open[len(open)-1]
				name := string(unquoted(text))
				if path = path[:top.path]; len(path) > 0 {
					path = append(path, '.')
				}
				path = append(path, name...)
				if top.names[name] {
					return flaw(path, flawTwice)
				}
				top.names[name] = true
				end = next + 1 // over the colon
			}
			if reason := flawOfString(text); reason != "" {
				return flaw(path, reason)
			}
			i = end - 1
		default:
			if !isSpace(c) && c != ',' {
				i = valueEnd(b, i) - 1
			}
		}
	}
	return nil
}

func flaw(path []byte, reason string) *ParamError {
	return &ParamError{Member: cut(strings.ToValidUTF8(string(path), "\ufffd")), Reason: reason}
}

// flawOfString is what is wrong with a string in its quotes, "" for nothing.
func flawOfString(quoted []byte) string {
	if !utf8.Valid(quoted) {
		return flawUTF8
	}
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		i++ // the escaped byte
		if quoted[i] != 'u' {
			continue
		}
		unit := codeUnit(quoted[i:])
		i += 4
		if unit < 0xd800 || unit > 0xdfff {
			continue
		}
		if unit > 0xdbff || i+6 >= len(quoted) || quoted[i+1] != '\\' || quoted[i+2] != 'u' {
			return flawSurrogate
		}
		if low := codeUnit(quoted[i+2:]); low < 0xdc00 || low > 0xdfff {
			return flawSurrogate
		}
		i += 6
	}
	return ""
}

// codeUnit is the number of the escape that starts with its u.
func codeUnit(escape []byte) uint64 {
	n, err := strconv.ParseUint(string(escape[1:5]), 16, 16)
	if err != nil {
		return 0 // the grammar has refused it
	}
	return n
}
