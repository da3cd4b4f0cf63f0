package jsonrpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	json "github.com/goccy/go-json"
	"github.com/goccy/go-json/jsontext"
	v2 "github.com/goccy/go-json/v2"
)

// ParamError says which member of params is wrong and why. It becomes a -32602.
type ParamError struct {
	// Member is the path of the member, as command.args[1]; empty for params
	// as a whole.
	Member string
	// Reason completes "member ...", as "must be a string".
	Reason string
	Cause  error // for the log, may be nil
}

// Error is a sentence for the client.
func (e *ParamError) Error() string {
	if e.Member == "" {
		return "params " + e.Reason
	}
	return e.Member + " " + e.Reason
}

// Unwrap returns the cause.
func (e *ParamError) Unwrap() error { return e.Cause }

// paramData is data of a -32602.
type paramData struct {
	Member string `json:"member"`
	Reason string `json:"reason"`
}

// Reply is the error of the reply: -32602 with the member in data.
func (e *ParamError) Reply() *Error {
	member := e.Member
	if member == "" {
		member = "params"
	}
	return &Error{
		Code:    InvalidParams,
		Message: InvalidParams.String() + ": " + e.Error(),
		Data:    paramData{Member: member, Reason: e.Reason},
		Cause:   e.Cause,
	}
}

// DecodeParams decodes the params of a method that takes an object. Absent
// params are an empty object, unknown members are ignored, null is the zero
// value. An error is a *ParamError: for an array, and for a member whose type,
// range or own UnmarshalJSON refuses the value; dst may then be half filled.
func DecodeParams[T any](params Raw, dst *T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &ParamError{Reason: "could not be decoded", Cause: fmt.Errorf("%w: %v", errPanicked, p)}
		}
	}()
	switch kind(params) {
	case 0, 'n':
		return nil
	case '{':
		return decodeValue(params, dst)
	}
	return &ParamError{Reason: "must be an object with named members"}
}

// DecodeResult is DecodeParams for the result of a reply, for clients.
func DecodeResult[T any](result Raw, dst *T) error {
	err := DecodeParams(result, dst)
	if param := AsParamError(err); param != nil && param.Member == "" {
		param.Member = "result"
	}
	return err
}

// AsParamError returns the *ParamError in err, or nil.
func AsParamError(err error) *ParamError {
	var e *ParamError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// mustBe says what a value of type t must be. For a number that was one and did
// not fit, it says the range.
func mustBe(t reflect.Type, number bool) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		most := int64(math.MaxInt64) >> (64 - t.Bits())
		return "must be an integer" + within(number, strconv.FormatInt(-most-1, 10), strconv.FormatInt(most, 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "must be an integer" + within(number, "0", strconv.FormatUint(math.MaxUint64>>(64-t.Bits()), 10))
	case reflect.Float32:
		return "must be a number" + within(number, "-3.4e38", "3.4e38")
	case reflect.Float64:
		return "must be a number" + within(number, "-1.8e308", "1.8e308")
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "must be a base64 string"
		}
		return "must be an array"
	}
	return "must be an object"
}

func within(number bool, least, most string) string {
	if !number {
		return ""
	}
	return " from " + least + " to " + most
}

// cut bounds a path that holds a client's own names.
func cut(path string) string {
	const limit = 200
	if len(path) <= limit {
		return path
	}
	end := limit
	for !utf8.RuneStart(path[end]) {
		end--
	}
	return path[:end] + "…"
}

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

// Raw is JSON text. As a result or as params it is copied as it is, so it must
// be one valid value. An empty Raw is an absent value, written as null.
type Raw []byte

// MarshalJSON lets a Raw stand inside another value.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON copies b, for a value that is decoded later.
func (r *Raw) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}
