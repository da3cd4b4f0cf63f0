//go:build codebeaker_stdjson

package jsonrpc

import (
	"encoding/json"
	"io"
)

// envelope holds the members of a request as they were written.
type envelope struct {
	JSONRPC, ID, Method, Params []byte
}

// decodeEnvelope copies the members of b into e. encoding/json folds the case
// of names, takes the last of duplicates and replaces lone surrogates, so that
// it only judges the syntax here, and flawOf the rest.
func decodeEnvelope(b []byte, e *envelope) (Code, error) {
	if !valid(b) {
		return ParseError, errNotValid
	}
	i := skipSpace(b, 0)
	if b[i] != '{' {
		return InvalidRequest, errNotObject
	}
	for i++; ; {
		name, start, end, ok := member(b, i)
		if !ok {
			return 0, nil
		}
		e.set(string(unquoted(name)), b[start:end])
		i = end
	}
}

// valid reports whether b is one JSON value by the rules of decodeEnvelope.
func valid(b []byte) bool { return loose(b) && flawOf(b) == nil }

func unescape(quoted []byte) []byte {
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return quoted
	}
	return []byte(text)
}

func newEncoder(w io.Writer) interface{ Encode(v any) error } {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}
