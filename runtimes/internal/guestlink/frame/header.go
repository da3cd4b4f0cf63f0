package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// HeaderSize is the number of bytes before each payload.
const HeaderSize = 12

// Bounds of payloads, in bytes.
const (
	// MaxData is the most of one Output, Input or Body frame, and of every
	// frame that the agent sends.
	MaxData = 64 << 10
	// MaxControl is the most that the agent accepts in one frame: a Start with
	// all arguments and variables that the kernel would take, as JSON.
	MaxControl = 8 << 20
)

// ErrTooLarge is a payload over the bound of its receiver.
var ErrTooLarge = errors.New("the frame is over its bound")

// Header begins each frame: kind, detail, two zero bytes, then the execution
// and the payload's length as 32 bits each, least significant byte first.
type Header struct {
	Kind Kind
	// Detail is the stream of an Output, the number of a Signal.
	Detail uint8
	// Execution is what the frame is about; zero is the link itself.
	Execution uint32
	Length    uint32
}

// Put writes the header into the first HeaderSize bytes of b.
func (h Header) Put(b []byte) {
	b[0], b[1], b[2], b[3] = byte(h.Kind), h.Detail, 0, 0
	binary.LittleEndian.PutUint32(b[4:], h.Execution)
	binary.LittleEndian.PutUint32(b[8:], h.Length)
}

// Append appends a whole frame to b. It sets the length.
func Append(b []byte, h Header, payload []byte) []byte {
	h.Length = uint32(len(payload))
	var head [HeaderSize]byte
	h.Put(head[:])
	return append(append(b, head[:]...), payload...)
}

// parse reads a header and checks it against the bound of payloads.
func parse(b []byte, limit uint32) (Header, error) {
	h := Header{
		Kind: Kind(b[0]), Detail: b[1],
		Execution: binary.LittleEndian.Uint32(b[4:]), Length: binary.LittleEndian.Uint32(b[8:]),
	}
	if h.Kind == 0 || h.Kind >= kindCount || b[2] != 0 || b[3] != 0 {
		return Header{}, fmt.Errorf("frame header % x is not of this protocol", b[:HeaderSize])
	}
	if h.Length > limit {
		return Header{}, fmt.Errorf("%w: a %v of %d bytes, at most %d", ErrTooLarge, h.Kind, h.Length, limit)
	}
	return h, nil
}
