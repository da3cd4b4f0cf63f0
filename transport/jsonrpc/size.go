package jsonrpc

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// TextSize is how many bytes text takes between the quotes of a JSON string, or
// a few more: no encoder here writes more. Text is UTF-8.
func TextSize(text []byte) int {
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
	if bytes.IndexByte(text, "\u2028"[0]) < 0 {
		return n
	}
	// Line separators are escaped for the sake of JavaScript.
	for _, separator := range [][]byte{[]byte("\u2028"), []byte("\u2029")} {
		n += bytes.Count(text, separator) * (len(`\u2028`) - len(separator))
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

// sizeOfRune is TextSize of one character.
func sizeOfRune(r rune, width int) int {
	switch {
	case r < ' ' || r == '"' || r == '\\':
		return escapeSize(byte(r))
	case r == '\u2028' || r == '\u2029':
		return len(`\u2028`)
	}
	return width
}

// sizeBlock is what TextHead and TextTail look at in one piece.
const sizeBlock = 4 << 10

// TextHead is how many bytes of text, which is UTF-8, have a TextSize of most at
// most, counted from its beginning. They are whole characters.
func TextHead(text []byte, most int) (n int) {
	for n < len(text) {
		end := min(n+sizeBlock, len(text))
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end++
		}
		size := TextSize(text[n:end])
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

// TextTail is TextHead counted from the end, with the TextSize of what it takes.
func TextTail(text []byte, most int) (n, size int) {
	left, all := len(text), most // before what is taken
	for left > 0 {
		start := max(left-sizeBlock, 0)
		for !utf8.RuneStart(text[start]) && start > 0 {
			start--
		}
		size := TextSize(text[start:left])
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
