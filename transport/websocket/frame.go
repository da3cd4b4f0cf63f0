package websocket

import (
	"encoding/binary"
	"sync/atomic"

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
