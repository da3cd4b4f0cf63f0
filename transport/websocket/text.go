package websocket

import "unicode/utf8"

// textCheck validates UTF-8 that comes in pieces, and fails at the first byte
// that cannot be right. The zero textCheck is at the start of a text.
type textCheck struct {
	tail [utf8.UTFMax]byte // the start of a character whose rest is to come
	n    uint8
}

// write reports whether the text is valid so far.
func (t *textCheck) write(p []byte) bool {
	for t.n > 0 && len(p) > 0 {
		t.tail[t.n] = p[0]
		t.n++
		p = p[1:]
		// FullRune is true for what can no longer become a character.
		if started := t.tail[:t.n]; utf8.FullRune(started) {
			if r, _ := utf8.DecodeRune(started); r == utf8.RuneError && !isReplacement(started) {
				return false
			}
			t.n = 0
		}
	}
	for i := len(p) - 1; i >= 0 && i >= len(p)-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				t.n = uint8(copy(t.tail[:], p[i:]))
				p = p[:i]
			}
			break
		}
	}
	return utf8.Valid(p)
}

// complete reports whether the text ends between characters.
func (t *textCheck) complete() bool { return t.n == 0 }

// isReplacement tells a real U+FFFD from the mark of an error.
func isReplacement(p []byte) bool { return string(p) == "\ufffd" }
