package websocket

import "sync"

// buffer is a pooled piece of memory. Idle connections hold none.
type buffer struct{ b []byte }

// keepBytes is the largest buffer that goes back to a pool.
const keepBytes = 64 << 10

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 4<<10)} }}

// getBuffer returns an empty buffer.
func getBuffer() *buffer {
	b := buffers.Get().(*buffer)
	b.b = b.b[:0]
	return b
}

// putBuffer gives b back. A nil b is none.
func putBuffer(b *buffer) {
	if b != nil && cap(b.b) <= keepBytes {
		buffers.Put(b)
	}
}
