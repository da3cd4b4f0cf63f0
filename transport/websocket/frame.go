package websocket

import (
	"encoding/binary"
	"sync/atomic"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// bound keeps messages from being larger than the other side takes.
type bound struct {
	most     atomic.Int64 // zero: any
	oversize func(dst []byte, start, most int) []byte
}

// encode appends a payload, or what is sent instead of one that is too large. A
// nil bound is none.
func (b *bound) encode(dst []byte, encode func(dst []byte) []byte) []byte {
	start := len(dst)
	dst = encode(dst)
	if b == nil {
		return dst
	}
	most := int(b.most.Load())
	if most <= 0 || len(dst)-start <= most {
		return dst
	}
	if b.oversize != nil {
		if dst = b.oversize(dst, start, most); len(dst)-start <= most {
			return dst
		}
	}
	return dst[:start]
}

// appendFrame appends one whole frame whose payload encode appends, within the
// bound. The header is filled in afterwards: room for the common length is left
// before the payload, which moves when it is shorter than 126 or longer than
// 65535 bytes.
func appendFrame(dst []byte, op ws.OpCode, masked bool, b *bound, encode func(dst []byte) []byte) []byte {
	start := len(dst)
	var room [8]byte
	mask := 0
	if masked {
		mask = 4
	}
	payload := start + 4 + mask
	dst = b.encode(append(dst, room[:4+mask]...), encode)
	n := len(dst) - payload

	at := start + 2 // of the mask, then of the payload
	second := byte(n)
	switch {
	case n < 126:
		copy(dst[payload-2:], dst[payload:])
		dst = dst[:len(dst)-2]
	case n <= 0xffff:
		second = 126
		binary.BigEndian.PutUint16(dst[at:], uint16(n))
		at += 2
	default:
		second = 127
		dst = append(dst, room[:6]...)
		copy(dst[payload+6:], dst[payload:payload+n])
		binary.BigEndian.PutUint64(dst[at:], uint64(n))
		at += 8
	}
	dst[start] = 0x80 | byte(op)
	dst[start+1] = second
	if masked {
		dst[start+1] |= 0x80
		key := ws.NewMask()
		copy(dst[at:], key[:])
		ws.Cipher(dst[at+mask:], key, 0)
	}
	return dst
}

// frameEnd returns where in b, which starts with a frame, the frame ends that
// the byte at i belongs to; i itself when that starts one.
func frameEnd(b []byte, i int) int {
	at := 0
	for at < i {
		h, err := parseHeader(b[at:])
		if err != nil {
			return len(b) // ours are well formed
		}
		at += headerSize(b[at:]) + int(h.Length)
	}
	return at
}

// headerSize returns how many bytes the frame header that starts with b has, or
// 2 while b is too short to say.
func headerSize(b []byte) int {
	if len(b) < 2 {
		return 2
	}
	size := 2
	switch b[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if b[1]&0x80 != 0 {
		size += 4
	}
	return size
}

// parseHeader reads a whole header of headerSize bytes. ws.ReadHeader reads
// from a stream and takes any length form.
func parseHeader(b []byte) (h ws.Header, err error) {
	h.Fin = b[0]&0x80 != 0
	h.Rsv = b[0] & 0x70 >> 4
	h.OpCode = ws.OpCode(b[0] & 0x0f)
	h.Masked = b[1]&0x80 != 0
	h.Length = int64(b[1] & 0x7f)
	b = b[2:]
	least := int64(0)
	switch h.Length {
	case 126:
		h.Length, least = int64(binary.BigEndian.Uint16(b)), 126
		b = b[2:]
	case 127:
		// Negative when the most significant bit is set, which section 5.2
		// forbids; so it is under the least, too.
		h.Length, least = int64(binary.BigEndian.Uint64(b)), 1<<16
		b = b[8:]
	}
	if h.Length < least {
		// RFC 6455, 5.2: "the minimal number of bytes MUST be used".
		return h, protocolError("payload length is not in its shortest form")
	}
	if h.Masked {
		copy(h.Mask[:], b)
	}
	return h, nil
}

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
