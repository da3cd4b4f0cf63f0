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
