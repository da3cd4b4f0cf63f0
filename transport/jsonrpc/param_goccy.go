//go:build !codebeaker_stdjson

package jsonrpc

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	v2 "github.com/goccy/go-json/v2"
)

// reason is what the client did wrong at the member. The error of a type's own
// UnmarshalJSON is a sentence for the client already.
func reason(e *v2.SemanticError) string {
	if e.GoType == nil {
		return "must have another type"
	}
	builtIn := e.Err == nil || len(e.JSONValue) > 0 // a number that does not fit
	if corrupt := base64.CorruptInputError(0); errors.As(e.Err, &corrupt) {
		return "must be base64"
	}
	if !builtIn {
		return e.Err.Error()
	}
	return mustBe(e.GoType, len(e.JSONValue) > 0)
}

// memberPath turns the JSON pointer /command/args/1 into command.args[1]. raw
// tells the index of an array from a name that is a number.
func memberPath(raw []byte, pointer string) string {
	var path strings.Builder
	at := skipSpace(raw, 0)
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if token == "" && pointer == "" || at >= len(raw) {
			break
		}
		if raw[at] == '[' {
			path.WriteString("[" + token + "]")
			at = nth(raw, at, token)
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(token) // RFC 6901, section 4
		path.WriteString(name)
		at = named(raw, at, name)
	}
	return cut(path.String())
}

// nth is the index in raw of element token of the array at i.
func nth(raw []byte, i int, token string) int {
	n, err := strconv.Atoi(token)
	start, end, ok := element(raw, i+1)
	for ; ok && err == nil && n > 0; n-- {
		start, end, ok = element(raw, end)
	}
	return start
}

// named is the index in raw of the value of a member of the object at i, len(raw)
// when there is none.
func named(raw []byte, i int, name string) int {
	for i++; ; {
		quoted, start, end, ok := member(raw, i)
		if !ok {
			return len(raw)
		}
		if string(unquoted(quoted)) == name {
			return start
		}
		i = end
	}
}
