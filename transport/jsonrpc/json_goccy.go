//go:build !codebeaker_stdjson

package jsonrpc

import (
	"errors"
	"fmt"
	"io"

	json "github.com/goccy/go-json"
	"github.com/goccy/go-json/jsontext"
	v2 "github.com/goccy/go-json/v2"
)

// envelope holds the members of a request as they were written. It is decoded
// by /v2, whose names are exact and which refuses duplicates, lone surrogates
// and invalid UTF-8 at any depth.
type envelope struct {
	JSONRPC jsontext.Value `json:"jsonrpc"`
	ID      jsontext.Value `json:"id"`
	Method  jsontext.Value `json:"method"`
	Params  jsontext.Value `json:"params"`
}

// decodeEnvelope copies the members of b into e. The code says what an error
// is: not JSON, no request, or a defect of the decoder, whose earlier versions
// panicked on malformed input (goccy/go-json issues 519, 546, 604).
func decodeEnvelope(b []byte, e *envelope) (code Code, err error) {
	defer func() {
		if p := recover(); p != nil {
			code, err = InternalError, fmt.Errorf("%w: decode a request: %v", errPanicked, p)
		}
	}()
	if err = v2.UnmarshalOf(b, e); err == nil {
		return 0, nil
	}
	if semantic := (*v2.SemanticError)(nil); errors.As(err, &semantic) {
		return InvalidRequest, err
	}
	return ParseError, err
}

// valid reports whether b is one JSON value by the rules of decodeEnvelope.
func valid(b []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return jsontext.Value(b).IsValid()
}

func unescape(quoted []byte) []byte {
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return quoted
	}
	return text
}

func newEncoder(w io.Writer) interface{ Encode(v any) error } {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}

// decodeValue decodes raw into dst, a *ParamError when a member does not fit.
func decodeValue[T any](raw []byte, dst *T) error {
	err := v2.UnmarshalOf(raw, dst)
	if err == nil {
		return nil
	}
	if semantic := (*v2.SemanticError)(nil); errors.As(err, &semantic) {
		return &ParamError{
			Member: memberPath(raw, string(semantic.JSONPointer)),
			Reason: reason(semantic),
		}
	}
	return &ParamError{Reason: "must be valid JSON", Cause: err}
}
