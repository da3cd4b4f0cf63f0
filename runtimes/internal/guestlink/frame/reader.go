package frame

import (
	"bufio"
	"encoding/json"
	"io"
	"sync"
)

// Reader reads frames from a stream. It is for one goroutine.
type Reader struct {
	r     *bufio.Reader
	limit uint32
	small [small]byte
	large *[MaxData]byte
}

// NewReader reads frames with at most limit bytes of payload.
func NewReader(r io.Reader, limit int) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 4<<10), limit: uint32(limit)}
}

// small is the largest payload whose buffer a reader keeps while it waits.
const small = 1 << 10

var buffers = sync.Pool{New: func() any { return new([MaxData]byte) }}

// Next returns the next frame. The payload is valid until the next call. The
// error is io.EOF when the stream ended between two frames. A reader that
// waits holds no large buffer.
func (r *Reader) Next() (Header, []byte, error) {
	r.release()
	var head [HeaderSize]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return Header{}, nil, err
	}
	h, err := parse(head[:], r.limit)
	if err != nil {
		return Header{}, nil, err
	}
	payload, err := r.payload(int(h.Length))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return h, payload, err
}

// release gives back what the last Next holds. The reader may be used again.
func (r *Reader) release() {
	if r.large != nil {
		buffers.Put(r.large)
		r.large = nil
	}
}

func (r *Reader) payload(n int) ([]byte, error) {
	switch {
	case n <= len(r.small):
		_, err := io.ReadFull(r.r, r.small[:n])
		return r.small[:n], err
	case n <= MaxData:
		r.large = buffers.Get().(*[MaxData]byte)
		_, err := io.ReadFull(r.r, r.large[:n])
		return r.large[:n], err
	}
	return r.huge(n)
}

// huge reads a payload into memory that grows with what arrives, not with what
// the header promises.
func (r *Reader) huge(n int) ([]byte, error) {
	var b []byte
	for len(b) < n {
		have := len(b)
		b = append(b, make([]byte, min(n-have, max(have, MaxData)))...)
		m, err := io.ReadFull(r.r, b[have:])
		if err != nil {
			return b[:have+m], err
		}
	}
	return b, nil
}

// FileCall asks the agent for a file command on its workspace. The execution
// number of the header names the call; at most one is under way. Its content,
// if any, follows in Body frames.
type FileCall struct {
	// Command is the name of the type in package runtimes: "WriteFile".
	Command string
	// Arguments is that type as JSON, without its content.
	Arguments json.RawMessage
	// Paths are those of the command, see runtimes.PathsOf, where one of them is
	// not UTF-8, which JSON cannot hold.
	Paths [][]byte `json:",omitempty"`
}

// FileReply answers a FileCall. Body frames follow, at least the empty one at
// the end: what ReadFile found, or the entries of ListDirectory, as JSON
// FileEntry values.
type FileReply struct {
	// Code and Message are a runtimes.FileError. Message alone is another
	// failure.
	Code    string `json:",omitempty"`
	Message string `json:",omitempty"`
	// Second: the error is about the destination.
	Second bool `json:",omitempty"`
	// Bytes is what WriteFile or CopyFile wrote, or the size that ReadFile saw.
	Bytes     int64 `json:",omitempty"`
	Truncated bool  `json:",omitempty"`
}

// FileEntry is a runtimes.Entry. Names are bytes: the kernel takes them in any
// encoding.
type FileEntry struct {
	Name, Path []byte
	Type       string
	Size       int64
	Mode       uint32
	ModifiedAt int64
}
