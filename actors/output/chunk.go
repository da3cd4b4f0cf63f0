package output

import (
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/runtimes"
)

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
}

// Captured is the first part of a stream, for the result of an execution.
type Captured struct {
	Data      []byte
	Truncated bool // the stream went on
}

// Binary reports whether Data is not UTF-8.
func (c Captured) Binary() bool { return !utf8.Valid(c.Data) }

// capture appends p up to the limit, and nothing once something was left out.
func (c *Captured) capture(p []byte, limit int) {
	if c.Truncated {
		return
	}
	if room := limit - len(c.Data); len(p) > room {
		p = p[:max(room, 0)]
		c.Truncated = true
	}
	c.Data = append(c.Data, p...)
}

// finish cuts a truncated text between two characters.
func (c *Captured) finish() {
	if !c.Truncated {
		return
	}
	whole, _ := cutCharacter(c.Data)
	if utf8.Valid(whole) {
		c.Data = whole
	}
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
