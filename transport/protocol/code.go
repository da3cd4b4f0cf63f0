package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// The codes of the application (docs/protocol.md).
const (
	SessionNotFound      jsonrpc.Code = -32001
	SessionClosed        jsonrpc.Code = -32002
	RuntimeUnavailable   jsonrpc.Code = -32003
	LanguageNotSupported jsonrpc.Code = -32004
	Busy                 jsonrpc.Code = -32005
	ExecutionNotFound    jsonrpc.Code = -32006
	Unauthorized         jsonrpc.Code = -32007
	RateLimited          jsonrpc.Code = -32008
	EnvironmentFailed    jsonrpc.Code = -32009
	TooLarge             jsonrpc.Code = -32010
	ShuttingDown         jsonrpc.Code = -32011
	NodeUnavailable      jsonrpc.Code = -32012
)

// ErrorFacts describes one code to clients.
type ErrorFacts struct {
	Code    jsonrpc.Code
	Name    string
	Summary string
	// Retry says whether the same call may succeed later: "no", "yes", or
	// "after" data.retryAfterMs.
	Retry string
}

var errorFacts = []ErrorFacts{
	{jsonrpc.ParseError, "ParseError", "the message is not JSON", "no"},
	{jsonrpc.InvalidRequest, "InvalidRequest", "it is JSON and no request", "no"},
	{jsonrpc.MethodNotFound, "MethodNotFound", "no such method", "no"},
	{jsonrpc.InvalidParams, "InvalidParams", "a member of params is wrong; data.member names it", "no"},
	{jsonrpc.InternalError, "InternalError", "a defect of the server; data.errorId is in its log", "no"},
	{SessionNotFound, "SessionNotFound", "unknown session, or another key's", "no"},
	{SessionClosed, "SessionClosed", "the session is closing or closed a moment ago", "no"},
	{RuntimeUnavailable, "RuntimeUnavailable", "the runtimeType is not available or does not serve the language; data.reason", "no"},
	{LanguageNotSupported, "LanguageNotSupported", "no such language, or no runtime here serves it; data.languages", "no"},
	{Busy, "Busy", "a limit is reached; data.limit names it", "after"},
	{ExecutionNotFound, "ExecutionNotFound", "unknown execution, or no longer kept", "no"},
	{Unauthorized, "Unauthorized", "a wrong or missing key, with HTTP 401", "no"},
	{RateLimited, "RateLimited", "over the rate of the key or address; data.limit says of what: calls, creates or bytes, data.maximum how many a second", "after"},
	{EnvironmentFailed, "EnvironmentFailed", "the environment could not be made; data.reason", "yes"},
	{TooLarge, "TooLarge", "a batch, a member or the answer is over a limit; data.limit, which for a batch and for an answer (maxMessageBytes) is its name, with data.maximum and data.count", "no"},
	{ShuttingDown, "ShuttingDown", "the server is draining", "yes"},
	{NodeUnavailable, "NodeUnavailable", "the node of the session cannot be reached; data.node", "yes"},
}

// Errors returns every code in the order of the documents. The caller must not
// change the slice.
func Errors() []ErrorFacts { return errorFacts }

// Facts returns what is known of a code, a zero value for an unknown one.
func Facts(code jsonrpc.Code) ErrorFacts {
	for _, f := range errorFacts {
		if f.Code == code {
			return f
		}
	}
	return ErrorFacts{}
}

// Preference is the word of runtimePreference; "" is absent.
type Preference string

// RuntimeType is the word of runtimeType; "" is absent.
type RuntimeType string

// Network is the word of network; "" is absent.
type Network string

// Encoding is the word of encoding; "" is absent.
type Encoding string

// The encodings of content and data.
const (
	UTF8   Encoding = "utf8"
	Base64 Encoding = "base64"
)

// WriteMode is the word of mode; "" is absent.
type WriteMode string

// The write modes.
const (
	Create    WriteMode = "Create"
	Overwrite WriteMode = "Overwrite"
	Append    WriteMode = "Append"
)

var (
	preferenceWords = words{list: []string{"Speed", "Security", "Memory", "Balanced"}, numbers: true}
	runtimeWords    = words{list: []string{"Docker", "Deno", "Bun", "Native", "Embedded"}}
	networkWords    = words{list: []string{"none", "internet"}}
	encodingWords   = words{list: []string{"utf8", "base64"}, others: map[string]string{"utf-8": "utf8"}}
	modeWords       = words{list: []string{"Create", "Overwrite", "Append"}, numbers: true}
)

// UnmarshalJSON reads a word without regard to case, or its number.
func (p *Preference) UnmarshalJSON(b []byte) error { return preferenceWords.decode(b, (*string)(p)) }

// UnmarshalJSON reads a word without regard to case.
func (t *RuntimeType) UnmarshalJSON(b []byte) error { return runtimeWords.decode(b, (*string)(t)) }

// UnmarshalJSON reads a word without regard to case.
func (n *Network) UnmarshalJSON(b []byte) error { return networkWords.decode(b, (*string)(n)) }

// UnmarshalJSON reads a word without regard to case.
func (e *Encoding) UnmarshalJSON(b []byte) error { return encodingWords.decode(b, (*string)(e)) }

// UnmarshalJSON reads a word without regard to case, or its number.
func (m *WriteMode) UnmarshalJSON(b []byte) error { return modeWords.decode(b, (*string)(m)) }

func (Preference) words() *words  { return &preferenceWords }
func (RuntimeType) words() *words { return &runtimeWords }
func (Network) words() *words     { return &networkWords }
func (Encoding) words() *words    { return &encodingWords }
func (WriteMode) words() *words   { return &modeWords }

// enumeration is a type whose values are words.
type enumeration interface{ words() *words }

// words are the values of an enumeration.
type words struct {
	list    []string
	others  map[string]string // other spellings, lower case
	numbers bool              // the index in list is accepted too
}

// decode reads a JSON value into dst in its canonical spelling; null is "".
func (w *words) decode(b []byte, dst *string) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("must be a word: %w", err)
	}
	switch v := v.(type) {
	case nil:
		*dst = ""
		return nil
	case string:
		if canonical, ok := w.find(v); ok {
			*dst = canonical
			return nil
		}
	case float64:
		if n := int(v); w.numbers && float64(n) == v && n >= 0 && n < len(w.list) {
			*dst = w.list[n]
			return nil
		}
	}
	return errors.New(w.rule())
}

func (w *words) find(s string) (string, bool) {
	for _, word := range w.list {
		if strings.EqualFold(word, s) {
			return word, true
		}
	}
	canonical, ok := w.others[strings.ToLower(s)]
	return canonical, ok
}

func (w *words) rule() string {
	s := "must be one of " + strings.Join(w.list, ", ")
	if w.numbers {
		s += fmt.Sprintf(" (or 0 to %d)", len(w.list)-1)
	}
	return s
}

// field is one member of a wire type.
type field struct {
	name     string
	typ      reflect.Type
	doc      string
	alias    string // canonical member
	min, max string
	preset   string // JSON of the default

	required      bool // in a request
	always        bool // in a result: never left out
	nullable      bool // in a result
	command       bool // it is the command of session.execute
	commandResult bool
}

// fieldsOf lists the members of a struct as JSON sees them: those of an
// embedded struct among them.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous {
			list = append(list, fieldsOf(sf.Type)...)
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		f := field{
			name: name, typ: sf.Type,
			doc: sf.Tag.Get("doc"), alias: sf.Tag.Get("alias"),
			min: sf.Tag.Get("min"), max: sf.Tag.Get("max"), preset: sf.Tag.Get("default"),
			always: options == "",
		}
		f.nullable = f.always && sf.Type.Kind() == reflect.Pointer
		for word := range strings.SplitSeq(sf.Tag.Get("rpc"), ",") {
			switch word {
			case "required":
				f.required = true
			case "command":
				f.command = true
			case "commandResult":
				f.commandResult = true
			}
		}
		list = append(list, f)
	}
	return list
}
