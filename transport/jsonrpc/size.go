package jsonrpc

import (
	"bytes"
	"unicode/utf8"
)

// TextSize is how many bytes text takes between the quotes of a JSON string, or
// a few more: no encoder here writes more. Text is UTF-8.
func TextSize(text []byte) int {
	n := len(text)
	for i := 0; ; i++ {
		i += plain(text[i:])
		if i == len(text) {
			break
		}
		n += escapeSize(text[i]) - 1
	}
	// Line separators are escaped for the sake of JavaScript.
	for _, separator := range [][]byte{[]byte("\u2028"), []byte("\u2029")} {
		n += bytes.Count(text, separator) * (len(`\u2028`) - len(separator))
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
func TextHead(text []byte, most int) int {
	n := 0
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

// TextTail is TextHead counted from the end.
func TextTail(text []byte, most int) int {
	left := len(text) // before what is taken
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
		if most -= sizeOfRune(r, width); most < 0 {
			break
		}
		left -= width
	}
	return len(text) - left
}
