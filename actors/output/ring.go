package output

import (
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
)

// chunkCost is about what a chunk costs besides its data, in bytes.
const chunkCost = 64

// ring is a queue of chunks, oldest first.
type ring struct {
	chunks []Chunk // chunks[head:] are kept
	head   int
	next   int64 // seq of the next chunk
	bytes  int
}

func validUTF8(p []byte) bool { return utf8.Valid(p) }

// push gives the chunk its seq and keeps it.
func (r *ring) push(c Chunk) {
	c.Seq = r.next
	r.next++
	r.bytes += c.size()
	r.chunks = append(r.chunks, c)
}

// first is the seq of the oldest chunk that is kept, next when there is none.
func (r *ring) first() int64 { return r.next - int64(r.len()) }

func (r *ring) len() int { return len(r.chunks) - r.head }

// weight is the memory of the chunks.
func (r *ring) weight() int { return r.bytes + r.len()*chunkCost }

// at returns the chunk with that seq, which must be kept.
func (r *ring) at(seq int64) *Chunk { return &r.chunks[r.head+int(seq-r.first())] }

// pop drops the oldest chunk.
func (r *ring) pop() Chunk {
	c := r.chunks[r.head]
	r.chunks[r.head] = Chunk{}
	r.head++
	r.bytes -= c.size()
	if r.head == len(r.chunks) {
		r.chunks, r.head = r.chunks[:0], 0
	} else if r.head >= 64 && r.head*2 >= len(r.chunks) {
		n := copy(r.chunks, r.chunks[r.head:])
		clear(r.chunks[n:])
		r.chunks, r.head = r.chunks[:n], 0
	}
	if r.len() == 0 && cap(r.chunks) > maxIdleChunks {
		r.chunks = nil
	}
	return c
}

// maxIdleChunks is the largest queue that an empty ring keeps.
const maxIdleChunks = 64

// Chunk is a piece of output. Once it is in a log it never changes; readers
// share its Data.
type Chunk struct {
	Stream runtimes.Stream
	Seq    int64 // counts the chunks of the execution from 0
	Offset int64 // of the first byte in its stream
	Data   []byte
	// Binary: Data is not UTF-8. Otherwise it is, and ends between two
	// characters.
	Binary bool
	// Display is what code has shown, in its place among the output. Such a chunk
	// has no Stream and no Data.
	Display *Display
}

// Display is what code has shown, and where in the output: behind that many bytes
// of each stream.
type Display struct {
	kernel.Display
	Stdout, Stderr int64
}

// Size is how many bytes its parts have.
func (d *Display) Size() int {
	n := 0
	for i := range d.Parts {
		n += len(d.Parts[i].Type) + len(d.Parts[i].Data)
	}
	return n
}

// size is how many bytes of memory the chunk holds, besides itself.
func (c *Chunk) size() int {
	if c.Display != nil {
		return c.Display.Size()
	}
	return len(c.Data)
}

// MaxChunk is the most that a chunk holds, in bytes: as base64 it fits into the
// smallest message that a client may ask for.
const MaxChunk = 32 << 10

// nextChunk splits p behind its first chunk, between two characters if it is
// text.
func nextChunk(p []byte) (first, rest []byte) {
	if len(p) <= MaxChunk {
		return p, nil
	}
	whole, _ := cutCharacter(p[:MaxChunk])
	return whole, p[len(whole):]
}

// cutCharacter splits p before a character whose rest has not come yet. What
// can never become a character stays in whole.
func cutCharacter(p []byte) (whole, rest []byte) {
	for i := 1; i <= min(utf8.UTFMax-1, len(p)); i++ {
		at := len(p) - i
		if !utf8.RuneStart(p[at]) {
			continue
		}
		if !utf8.FullRune(p[at:]) {
			return p[:at], p[at:]
		}
		break
	}
	return p, nil
}
