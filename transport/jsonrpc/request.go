package jsonrpc

import "sync"

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
