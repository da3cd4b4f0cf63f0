package websocket

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

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
