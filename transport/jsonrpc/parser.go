package jsonrpc

import (
	"bytes"
)

// DefaultBatch is the largest number of members of a batch unless a Parser says
// otherwise.
const DefaultBatch = 50

// maxValues bounds the values of one message. Without it 16 MiB of "1\n" would
// be eight million error replies.
const maxValues = 1024

// Parser splits messages into requests. The zero Parser is ready; it has no
// state and is safe for concurrent use.
type Parser struct {
	// BatchLimit is the largest number of members of a batch. Zero means
	// DefaultBatch; negative, no limit.
	BatchLimit int
}

// Handler takes what a Parser finds.
type Handler interface {
	// Serve takes a valid request. Its replies belong to to.
	Serve(r *Request, to Replier)
	// Rejected is told each error that Parse answered itself.
	Rejected(e *Error)
}

// HandlerFunc is a Handler that does not look at errors.
type HandlerFunc func(r *Request, to Replier)

// Serve is Handler's.
func (f HandlerFunc) Serve(r *Request, to Replier) { f(r, to) }

// Rejected is Handler's.
func (HandlerFunc) Rejected(*Error) {}

// tooMany is what data holds in the reply to a message with too many parts.
type tooMany struct {
	Limit   string `json:"limit"`
	Maximum int    `json:"maximum"`
	Count   int    `json:"count,omitempty"` // absent: not all were counted
}

// Parse gives each valid request of msg to h, in order, and answers what is none.
// Replies to lone requests belong to out, those to members of a batch to the
// Replier given along. msg is not changed and not kept.
func (p *Parser) Parse(msg []byte, out Replier, h Handler) {
	run := parsing{Parser: p, out: out, handler: h}
	// Compact JSON has no newline, so this is the usual case and one value.
	if bytes.IndexByte(msg, '\n') < 0 {
		run.value(msg)
		return
	}
	run.values(msg)
}

func (p *Parser) batchLimit() int {
	switch {
	case p.BatchLimit == 0:
		return DefaultBatch
	case p.BatchLimit < 0:
		return int(^uint(0) >> 1)
	}
	return p.BatchLimit
}

// parsing is one call of Parse.
type parsing struct {
	*Parser
	out     Replier
	handler Handler
}

// values serves what is separated by newlines, until something is not JSON.
func (p parsing) values(msg []byte) {
	i := skipSpace(msg, 0)
	for n := 0; ; n++ {
		if n == maxValues {
			p.reject(nil, tooManyError("values", maxValues, 0), p.out)
			return
		}
		end := valueEnd(msg, i)
		next := skipSpace(msg, end)
		if next < len(msg) && bytes.IndexByte(msg[end:next], '\n') < 0 {
			p.reject(nil, refuse(ParseError, errTrailing), p.out)
			return
		}
		if !p.value(msg[i:end]) || next == len(msg) {
			return
		}
		i = next
	}
}

// value serves one value, and reports whether it was JSON.
func (p parsing) value(b []byte) bool {
	b = b[skipSpace(b, 0):]
	switch {
	case len(b) == 0:
		return p.reject(nil, refuse(ParseError, errEmpty), p.out)
	case b[0] == '{':
		return p.object(b, p.out)
	case b[0] == '[' && (valid(b) || loose(b)):
		p.batch(b)
		return true
	case !valid(b):
		return p.reject(nil, refuse(ParseError, errNotValid), p.out)
	}
	p.reject(nil, refuse(InvalidRequest, errNotObject), p.out)
	return true
}

// object serves one request, and reports whether it was JSON.
func (p parsing) object(b []byte, to Replier) bool {
	r := requests.Get().(*Request)
	defer r.release()
	if err := r.decode(b); err != nil {
		if err.Code == InvalidParams && r.Notification() || err.Code == InvalidRequest && r.isResponse(b) {
			p.report(err) // nobody waits for an answer
			return true
		}
		p.reject(r.ID, err, to)
		return err.Code != ParseError
	}
	if !r.Notification() {
		expect(to)
	}
	p.handler.Serve(r, to)
	return true
}

// batch serves the members of an array. It is JSON by the grammar: a member
// that is none by our stricter rules is refused by itself.
func (p parsing) batch(b []byte) {
	n := count(b)
	switch limit := p.batchLimit(); {
	case n == 0:
		p.reject(nil, refuse(InvalidRequest, errEmptyBatch), p.out)
		return
	case n > limit:
		p.reject(nil, tooManyError("batch", limit, n), p.out)
		return
	}
	to := NewBatch(p.out)
	to.total = n
	defer to.Close()
	for i := 1; ; {
		start, end, ok := element(b, i)
		if !ok {
			return
		}
		switch one := b[start:end]; {
		case one[0] == '{':
			p.object(one, to)
		case !valid(one):
			p.reject(nil, refuse(ParseError, errNotValid), to)
		default:
			p.reject(nil, refuse(InvalidRequest, errNotObject), to)
		}
		i = end
	}
}

// count counts the members of a valid array.
func count(b []byte) (n int) {
	for i := 1; ; n++ {
		_, end, ok := element(b, i)
		if !ok {
			return n
		}
		i = end
	}
}

// tooManyError names the limit as data of Busy does.
func tooManyError(limit string, maximum, n int) *Error {
	e := refuse(tooLarge, nil)
	e.Data = tooMany{Limit: limit, Maximum: maximum, Count: n}
	return e
}

// report tells the handler.
func (p parsing) report(err *Error) {
	p.handler.Rejected(err)
}

// reject answers with err. It is false, for callers that stop there.
func (p parsing) reject(id ID, err *Error, to Replier) bool {
	expect(to)
	p.report(err)
	to.Reply(func(dst []byte) []byte { return AppendError(dst, id, err) })
	return false
}

// The scanner finds where values end by brackets and quotes alone. It judges
// nothing: what it cuts out goes to the decoder. On valid JSON it is exact.

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skipSpace returns the index of the first byte at or after i that is not JSON
// white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// skipString returns the index after the string whose opening quote is at i, or
// len(b) when it does not end.
func skipString(b []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		escapes := 0
		for j := i + n - 1; j >= i && b[j] == '\\'; j-- {
			escapes++
		}
		i += n
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// valueEnd returns the index after the value that starts at i, or len(b) when
// it does not end.
func valueEnd(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return compositeEnd(b, i)
	}
	for i++; i < len(b) && !isSpace(b[i]) && b[i] != ',' && b[i] != ':' && b[i] != ']' && b[i] != '}'; i++ {
	}
	return i
}

func compositeEnd(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(b)
}

// element returns the bounds of the first element at or after i, the index
// after an opening bracket or after the element before. ok is false at the end.
// b must be valid JSON.
func element(b []byte, i int) (start, end int, ok bool) {
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ',' {
		i = skipSpace(b, i+1)
	}
	if i >= len(b) || b[i] == ']' || b[i] == '}' {
		return i, i, false
	}
	return i, valueEnd(b, i), true
}

// member is element for an object: the bounds of the next name (with its
// quotes) and of its value.
func member(b []byte, i int) (name []byte, start, end int, ok bool) {
	from, to, ok := element(b, i)
	if !ok {
		return nil, from, to, false
	}
	start = skipSpace(b, to)
	start = skipSpace(b, start+1) // over the colon
	return b[from:to], start, valueEnd(b, start), true
}
