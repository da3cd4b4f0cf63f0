package jsonrpc

import (
	"bytes"
	"fmt"
)

// Bounded is a Replier that takes no message above a size.
type Bounded interface {
	Replier
	// Room is how many bytes the next reply may have, and leave as many to each
	// other that is due in its message. What cannot be made smaller may take
	// more, as long as all fit. Zero has no bound.
	Room() int
}

func roomOf(out Replier) int {
	if b, ok := out.(Bounded); ok {
		return b.Room()
	}
	return 0
}

const (
	// boundName is the limit in data of the error.
	boundName = "maxMessageBytes"
	// maxEcho is the longest id that an error of Bound repeats.
	maxEcho = 256
	// boundRoom is more than what an error of Bound takes.
	boundRoom = 640
)

// Bound returns dst, whose message from start on is replaced when it has more
// than most bytes, for it may not be sent: a reply by the error TooLarge, which
// keeps its id (or the code of its error), a batch by one such error, and a
// notification by nothing. The message is one of ours.
func Bound(dst []byte, start, most int) []byte {
	size := len(dst) - start
	if most <= 0 || size <= most {
		return dst
	}
	id, code := Null, tooLarge
	if head := []byte(replyHead); bytes.HasPrefix(dst[start:], head) {
		at := start + len(head)
		end := valueEnd(dst, at)
		if end-at <= maxEcho {
			id = ID(dst[at:end]).Clone()
		}
		code = codeOf(dst[end:])
	} else if dst[start] == '{' {
		return dst[:start]
	}
	return AppendError(dst[:start], id, boundError(code, size, most))
}

func boundError(code Code, size, most int) *Error {
	return &Error{
		Code: code,
		Message: fmt.Sprintf("%s: the answer has %d bytes, and %s of this connection is %d: ask for less, or for a larger %s with initialize",
			code, size, boundName, most, boundName),
		Data: tooMany{Limit: boundName, Maximum: most, Count: size},
	}
}

// codeOf is the code of the error that begins in b, TooLarge for a result.
func codeOf(b []byte) Code {
	b, ok := bytes.CutPrefix(b, []byte(errorHead))
	if !ok {
		return tooLarge
	}
	code := Code(0)
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			code = code*10 - Code(c-'0')
		case c != '-':
			return code
		}
	}
	return code
}
