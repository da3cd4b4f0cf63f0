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
// it only judges the syntax here, and strict the rest.
func decodeEnvelope(b []byte, e *envelope) (Code, error) {
	if err := strict(b); err != nil {
		return ParseError, err
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
		e.set(unquoted(name), b[start:end])
		i = end
	}
}

func (e *envelope) set(name, value []byte) {
	switch string(name) {
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

func valid(b []byte) bool { return strict(b) == nil }

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
