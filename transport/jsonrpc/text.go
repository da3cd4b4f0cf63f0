package jsonrpc

import (
	"encoding/binary"
	"math/bits"
)

// AppendText appends text, which is UTF-8, as a JSON string to dst. It is for
// long texts: what needs no escape is found eight bytes at a time, and copied
// in one piece.
func AppendText(dst, text []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plain(text)
		dst = append(dst, text[:n]...)
		if n == len(text) {
			return append(dst, '"')
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
