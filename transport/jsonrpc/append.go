package jsonrpc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"sync"
	"unicode/utf8"
)

// AppendResult appends the reply with a result to dst. When the result cannot
// be encoded (NaN, a channel) the reply is -32603 instead, and err says why, for
// the log. No allocation is its own; a pointer as result spares the caller's.
func AppendResult(dst []byte, id ID, result any) (reply []byte, err error) {
	start := len(dst)
	dst = appendHead(dst, id)
	dst = append(dst, `,"result":`...)
	dst, err = AppendValue(dst, result)
	if err != nil {
		return AppendError(dst[:start], id, refuse(InternalError, err)), err
	}
	return append(dst, '}'), nil
}

// AppendError appends the reply with an error to dst. Data that cannot be
// encoded is left out. A nil e is an internal error.
func AppendError(dst []byte, id ID, e *Error) []byte {
	if e == nil {
		e = refuse(InternalError, nil)
	}
	dst = appendHead(dst, id)
	dst = append(dst, errorHead...)
	dst = strconv.AppendInt(dst, int64(e.Code), 10)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, e.Message)
	if e.Data != nil {
		plain := len(dst)
		data, err := AppendValue(append(dst, `,"data":`...), e.Data)
		if err != nil {
			data = data[:plain]
		}
		dst = data
	}
	return append(dst, '}', '}')
}

// AppendNotification appends a notification to dst, or leaves dst as it was
// when params cannot be encoded. Nil params are left out.
func AppendNotification(dst []byte, method string, params any) ([]byte, error) {
	return appendCall(dst, nil, method, params)
}

// AppendRequest appends a request to dst, for clients, or leaves dst as it was
// when params cannot be encoded. Nil params are left out.
func AppendRequest(dst []byte, id ID, method string, params any) ([]byte, error) {
	return appendCall(dst, id.orNull(), method, params)
}

func appendCall(dst []byte, id ID, method string, params any) ([]byte, error) {
	start := len(dst)
	dst = append(dst, `{"jsonrpc":"2.0"`...)
	if !id.Absent() {
		dst = append(dst, `,"id":`...)
		dst = append(dst, id...)
	}
	dst = append(dst, `,"method":`...)
	dst = appendString(dst, method)
	if params != nil {
		var err error
		if dst, err = AppendValue(append(dst, `,"params":`...), params); err != nil {
			return dst[:start], err
		}
	}
	return append(dst, '}'), nil
}

// How a reply begins, and what follows its id when it is an error.
const (
	replyHead = `{"jsonrpc":"2.0","id":`
	errorHead = `,"error":{"code":`
)

func appendHead(dst []byte, id ID) []byte {
	dst = append(dst, replyHead...)
	return append(dst, id.orNull()...)
}

// AppendValue appends the JSON of v to dst. On an error what it returns may hold
// a part of it.
func AppendValue(dst []byte, v any) ([]byte, error) {
	if raw, ok := v.(Raw); ok {
		if len(raw) == 0 {
			return append(dst, "null"...), nil
		}
		return append(dst, raw...), nil
	}
	return encodeValue(dst, v)
}

// appendString appends s as a JSON string. Only what needs an escape goes
// through the encoder.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			start := len(dst)
			if dst, err := encodeValue(dst, s); err == nil {
				return dst
			}
			return append(dst[:start], `""`...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// AppendText appends text, which is UTF-8, as a JSON string to dst. It is for
// long texts: what needs no escape is found eight bytes at a time, and copied
// in one piece.
func AppendText(dst, text []byte) []byte {
	return append(appendEscaped(append(dst, '"'), text), '"')
}

// appendEscaped appends the inside of a JSON string.
func appendEscaped(dst, text []byte) []byte {
	for {
		n := plain(text)
		dst = append(dst, text[:n]...)
		if n == len(text) {
			return dst
		}
		dst = appendEscape(dst, text[n])
		text = text[n+1:]
	}
}

// plain is how many bytes at the beginning of text a JSON string can hold as
// they are: no control characters, quotes and backslashes (RFC 8259, section
// 7).
func plain(text []byte) int {
	n := 0
	for ; len(text)-n >= 8; n += 8 {
		if found := special(binary.LittleEndian.Uint64(text[n:])); found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(text); n++ {
		if c := text[n]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// special has the highest bit of the first byte of word set that needs an
// escape; what is set above it means nothing.
func special(word uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	control := (word - each*' ') &^ word
	quote := word ^ each*'"'
	backslash := word ^ each*'\\'
	return (control | (quote-each)&^quote | (backslash-each)&^backslash) & high
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

// encoder is a pooled encoder that writes behind the caller's bytes.
type encoder struct {
	dst []byte
	enc interface{ Encode(v any) error }
}

// Write makes the encoder its own writer.
func (e *encoder) Write(p []byte) (int, error) {
	e.dst = append(e.dst, p...)
	return len(p), nil
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.enc = newEncoder(e)
	return e
}}

// encodeValue appends the JSON of v. A panic in it, or in a method of v, is an
// error; that encoder is not used again.
func encodeValue(dst []byte, v any) (out []byte, err error) {
	e := encoders.Get().(*encoder)
	e.dst = dst
	defer func() {
		if p := recover(); p != nil {
			out, err = dst, fmt.Errorf("%w: encode %T: %v", errPanicked, v, p)
		}
	}()
	err = e.enc.Encode(v)
	out, e.dst = e.dst, nil
	encoders.Put(e)
	if err != nil {
		return dst, fmt.Errorf("encode %T: %w", v, err)
	}
	return out[:len(out)-1], nil // Encode ends with a newline
}

// TextSize is how many bytes text takes between the quotes of a JSON string, or
// a few more: no encoder here writes more. Text is UTF-8.
func TextSize(text []byte) int {
	n := TextBytes(text)
	if bytes.IndexByte(text, "\u2028"[0]) < 0 {
		return n
	}
	// Line separators are escaped for the sake of JavaScript.
	for _, separator := range [][]byte{[]byte("\u2028"), []byte("\u2029")} {
		n += bytes.Count(text, separator) * (len(`\u2028`) - len(separator))
	}
	return n
}

// TextBytes is how many bytes text, which is UTF-8, takes between the quotes that
// AppendText and a Large write.
func TextBytes(text []byte) int {
	n, rest := len(text), text
	for ; len(rest) >= 8; rest = rest[8:] {
		if control, other := escaped(binary.LittleEndian.Uint64(rest)); control|other != 0 {
			n += bits.OnesCount64(other)
			if control != 0 {
				n += controls(rest[:8])
			}
		}
	}
	for _, c := range rest {
		if c < ' ' || c == '"' || c == '\\' {
			n += escapeSize(c) - 1
		}
	}
	return n
}

// escaped has the highest bit of each byte of word set that is a control
// character, and of each that is a quote or a backslash. Unlike special it is
// exact for all of them.
func escaped(word uint64) (control, other uint64) {
	const each, high, low = 0x0101010101010101, 0x8080808080808080, 0x7f7f7f7f7f7f7f7f
	control = ^((word & low) + (0x80-' ')*each | word) & high
	quote, backslash := word^each*'"', word^each*'\\'
	other = (^((quote & low) + low | quote) | ^((backslash & low) + low | backslash)) & high
	return control, other
}

// controls is what the escapes of control characters add.
func controls(text []byte) (n int) {
	for _, c := range text {
		if c < ' ' {
			n += escapeSize(c) - 1
		}
	}
	return n
}

// escapeSize is the size of the escape of a byte that needs one.
func escapeSize(c byte) int {
	switch c {
	case '"', '\\', '\n', '\r', '\t':
		return 2
	}
	return len(`\u0000`)
}

// sizeOfRune is TextBytes of one character.
func sizeOfRune(r rune, width int) int {
	if r < ' ' || r == '"' || r == '\\' {
		return escapeSize(byte(r))
	}
	return width
}

// sizeBlock is what TextHead and TextTail look at in one piece.
const sizeBlock = 4 << 10

// TextHead is how many bytes of text, which is UTF-8, have TextBytes of most at
// most, counted from its beginning. They are whole characters.
func TextHead(text []byte, most int) (n int) {
	for n < len(text) {
		end := min(n+sizeBlock, len(text))
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end++
		}
		size := TextBytes(text[n:end])
		if size > most {
			break
		}
		n, most = end, most-size
	}
	for n < len(text) {
		r, width := utf8.DecodeRune(text[n:])
		if most -= sizeOfRune(r, width); most < 0 {
			break
		}
		n += width
	}
	return n
}

// TextTail is TextHead counted from the end, with the TextBytes of what it takes.
func TextTail(text []byte, most int) (n, size int) {
	left, all := len(text), most // before what is taken
	for left > 0 {
		start := max(left-sizeBlock, 0)
		for !utf8.RuneStart(text[start]) && start > 0 {
			start--
		}
		size := TextBytes(text[start:left])
		if size > most {
			break
		}
		left, most = start, most-size
	}
	for left > 0 {
		r, width := utf8.DecodeLastRune(text[:left])
		if sizeOfRune(r, width) > most {
			break
		}
		most -= sizeOfRune(r, width)
		left -= width
	}
	return len(text) - left, all - most
}
