package jsonrpc

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Request is a valid request or notification. It and all it refers to are valid
// until the serve function it was given to returns.
type Request struct {
	// ID is the id as it was written, empty for a notification.
	ID ID
	// Method is the name, unescaped. As bytes it indexes a map without an
	// allocation: table[string(r.Method)].
	Method []byte
	// Params is an object, an array, or empty when there are none.
	Params Raw

	env envelope
}

// Notification reports whether the request wants no answer.
func (r *Request) Notification() bool { return r.ID.Absent() }

// keepBytes is the largest buffer that goes back to a pool: one large request
// must not hold its memory for ever.
const keepBytes = 64 << 10

var requests = sync.Pool{New: func() any { return new(Request) }}

func (r *Request) release() {
	r.ID, r.Method, r.Params = nil, nil, nil
	if r.env.size() <= keepBytes {
		requests.Put(r)
	}
}

// decode reads the object b. When it refuses, r.ID is the id to answer with,
// empty when none could be read.
func (r *Request) decode(b []byte) *Error {
	r.ID = nil
	r.env.reset()
	if code, err := decodeEnvelope(b, &r.env); err != nil {
		if code == ParseError {
			if e := r.decodeFlawed(b); e != nil {
				return e
			}
			r.ID = nil
		}
		return refuse(code, err)
	}
	return r.check()
}

// check holds the envelope against section 4 of the specification. The id comes
// first, for the reply to what else is wrong.
func (r *Request) check() *Error {
	switch kind(r.env.ID) {
	case 0:
	case '"', '0', 'n':
		r.ID = ID(r.env.ID)
	default:
		return refuse(InvalidRequest, errID)
	}
	if kind(r.env.JSONRPC) != '"' || string(unquoted(r.env.JSONRPC)) != "2.0" {
		return refuse(InvalidRequest, errVersion)
	}
	if kind(r.env.Method) != '"' {
		return refuse(InvalidRequest, errMethod)
	}
	r.Method = unquoted(r.env.Method)
	switch kind(r.env.Params) {
	case 0, 'n': // null is what some clients write for none
		r.Params = nil
	case '{', '[':
		r.Params = Raw(r.env.Params)
	default:
		return refuse(InvalidRequest, errParams)
	}
	return nil
}

// isResponse reports whether b, which has been refused as a request, is a
// response (section 5). We ask for nothing, so it answers nobody; a reply to it,
// with an id that is not ours to use, would be taken for that of a request.
func (r *Request) isResponse(b []byte) bool {
	if len(r.env.Method) > 0 {
		return false
	}
	for i := skipSpace(b, 0) + 1; ; {
		name, _, end, ok := member(b, i)
		if !ok {
			return false
		}
		if name := unquoted(name); string(name) == "result" || string(name) == "error" {
			return true
		}
		i = end
	}
}

// kind is the kind of a raw value without white space around it: 0 absent,
// 'n' null, 'f' or 't' a boolean, '"', '0' a number, '{', '['.
func kind(raw []byte) byte {
	if len(raw) == 0 {
		return 0
	}
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return c
	}
	return '0'
}

// ErrNotMessage is what DecodeMessages returns for bytes that are no reply and
// no notification.
var ErrNotMessage = errors.New("not a JSON-RPC message")

// Message is what a client receives: a reply (ID present) or a notification
// (Method present). It owns its memory.
type Message struct {
	ID     ID
	Result Raw
	Err    *Error // its Data is a Raw, or nil

	Method string
	Params Raw
}

// wireMessage is a Message as it is written.
type wireMessage struct {
	ID     Raw        `json:"id"`
	Result Raw        `json:"result"`
	Error  *wireError `json:"error"`
	Method string     `json:"method"`
	Params Raw        `json:"params"`
}

type wireError struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Data    Raw    `json:"data"`
}

// DecodeMessages calls each with the message in b, or with each message of the
// array in b, in order. An error is ErrNotMessage, after the messages before it.
func DecodeMessages(b []byte, each func(*Message)) error {
	if !valid(b) {
		return fmt.Errorf("%w: %w", ErrNotMessage, errNotValid)
	}
	at := skipSpace(b, 0)
	if b[at] != '[' {
		return decodeMessage(b, each)
	}
	for i := at + 1; ; {
		start, end, ok := element(b, i)
		if !ok {
			return nil
		}
		if err := decodeMessage(b[start:end], each); err != nil {
			return err
		}
		i = end
	}
}

func decodeMessage(b []byte, each func(*Message)) error {
	var w wireMessage
	if err := DecodeParams(Raw(b[skipSpace(b, 0):]), &w); err != nil {
		return fmt.Errorf("%w: %w", ErrNotMessage, err)
	}
	if w.Method == "" && len(w.ID) == 0 {
		return fmt.Errorf("%w: neither id nor method", ErrNotMessage)
	}
	m := Message{ID: ID(w.ID), Result: w.Result, Method: w.Method, Params: w.Params}
	if w.Error != nil {
		m.Err = &Error{Code: w.Error.Code, Message: w.Error.Message}
		if len(w.Error.Data) > 0 {
			m.Err.Data = w.Error.Data
		}
	}
	each(&m)
	return nil
}

// ID is the id of a request as it was written: the JSON text of a string, a
// number or null. It is echoed byte for byte. An empty ID is an absent one.
type ID []byte

// Null is the id of a reply to a request whose id could not be read.
var Null = ID("null")

// Absent reports whether there is no id, which makes a request a notification.
func (id ID) Absent() bool { return len(id) == 0 }

// Clone returns a copy that outlives the request.
func (id ID) Clone() ID { return slices.Clone(id) }

// orNull is id, or null for an absent one: a reply always has an id.
func (id ID) orNull() ID {
	if id.Absent() {
		return Null
	}
	return id
}

// reset forgets the members and keeps their memory.
func (e *envelope) reset() {
	e.JSONRPC, e.ID, e.Method, e.Params = e.JSONRPC[:0], e.ID[:0], e.Method[:0], e.Params[:0]
}

// size is the memory the members hold.
func (e *envelope) size() int {
	return cap(e.JSONRPC) + cap(e.ID) + cap(e.Method) + cap(e.Params)
}

// unquoted is the text of a JSON string, without a copy when it has no escape.
// Anything else is returned as it is.
func unquoted(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return raw
	}
	text := raw[1 : len(raw)-1]
	for _, c := range text {
		if c == '\\' {
			return unescape(raw)
		}
	}
	return text
}
