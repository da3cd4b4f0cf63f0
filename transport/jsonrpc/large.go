package jsonrpc

import (
	"bytes"
	"encoding/base64"
)

// Large is a message with long texts: replies, a batch of them, or a notification.
// It holds the texts as they are, shared with who made them, and encodes them piece
// by piece as it is written, so that their JSON is never in memory as a whole. It
// is not safe for concurrent use.
type Large struct {
	pieces  []piece
	size    int
	release []func()

	at  int // of the piece that is being written
	off int // in it
}

// piece is a part of a Large: JSON as it is, or the inside of a string.
type piece struct {
	parts  [2][]byte // the text, in two parts when something was left out
	as     coding
	length int // of both parts
}

type coding uint8

const (
	asIs coding = iota
	asText
	asBase64
)

// LargeReplier is a Replier that takes replies in pieces.
type LargeReplier interface {
	Replier
	// ReplyLarge is Reply. The message belongs to the Replier, which releases it.
	ReplyLarge(m *Large)
}

// JSON adds JSON as it is, which must not be changed afterwards.
func (l *Large) JSON(b []byte) {
	if len(b) > 0 {
		l.pieces = append(l.pieces, piece{parts: [2][]byte{b}, length: len(b)})
		l.size += len(b)
	}
}

// Text adds the inside of a JSON string: first and behind it last, which are UTF-8.
func (l *Large) Text(first, last []byte) {
	l.pieces = append(l.pieces, piece{[2][]byte{first, last}, asText, len(first) + len(last)})
	l.size += TextBytes(first) + TextBytes(last)
}

// Base64 adds the inside of a JSON string: first and behind it last, as base64.
func (l *Large) Base64(first, last []byte) {
	n := len(first) + len(last)
	l.pieces = append(l.pieces, piece{[2][]byte{first, last}, asBase64, n})
	l.size += base64.StdEncoding.EncodedLen(n)
}

// OnRelease makes Release call f.
func (l *Large) OnRelease(f func()) { l.release = append(l.release, f) }

// Size is how many bytes the message has, exactly.
func (l *Large) Size() int { return l.size }

// Release tells that the message is not needed any more, once.
func (l *Large) Release() {
	for _, f := range l.release {
		f()
	}
	*l = Large{}
}

// take moves all of other to the end of l.
func (l *Large) take(other *Large) {
	l.pieces = append(l.pieces, other.pieces...)
	l.release = append(l.release, other.release...)
	l.size += other.size
	*other = Large{}
}

// Bound replaces the one reply in l when it has more than most bytes, as the
// function Bound does.
func (l *Large) Bound(most int) {
	if most <= 0 || l.size <= most || len(l.pieces) == 0 {
		return
	}
	head := l.pieces[0].parts[0] // its id is there
	refused := refuseLarge(nil, head, l.size, most)
	l.Release()
	l.JSON(refused)
}

// Bytes is the whole message, which is then written.
func (l *Large) Bytes() []byte {
	b := make([]byte, 0, l.size)
	for {
		n := len(b)
		if b = l.Append(b, l.size); len(b) == n {
			return b
		}
	}
}

// Append appends the next bytes to dst, about most of them and at least one; none
// when the message has ended.
func (l *Large) Append(dst []byte, most int) []byte {
	for end := len(dst) + most; l.at < len(l.pieces) && len(dst) < end; {
		p := &l.pieces[l.at]
		var n int
		dst, n = p.append(dst, l.off, end-len(dst))
		if l.off += n; l.off == p.length {
			*p = piece{} // what was written is not kept
			l.at, l.off = l.at+1, 0
		}
	}
	return dst
}

// textStep is how much text is encoded at a time: its escapes may take six times
// as much.
const textStep = 8 << 10

// append appends the piece from off on, and returns how much of it that was.
func (p *piece) append(dst []byte, off, most int) (out []byte, n int) {
	if p.as == asBase64 {
		var raw [textStep / 3 * 3]byte
		n = p.copy(raw[:], off)
		return base64.StdEncoding.AppendEncode(dst, raw[:n]), n
	}
	part := p.parts[0]
	if off >= len(part) {
		part, off = p.parts[1], off-len(part)
	}
	part = part[off:]
	if p.as == asIs {
		n = min(len(part), most)
		return append(dst, part[:n]...), n
	}
	n = min(len(part), textStep)
	return appendEscaped(dst, part[:n]), n
}

// copy copies what is from off on, over both parts.
func (p *piece) copy(to []byte, off int) (n int) {
	for _, part := range p.parts {
		if off < len(part) {
			n += copy(to[n:], part[off:])
			off = len(part)
		}
		off -= len(part)
	}
	return n
}

// Split makes a Large of a message in which each text has been left empty: the
// member name is the text that follows. The members stand in the message in this
// order, the message is of ours.
func Split(message []byte, texts []LongText) *Large {
	l := &Large{}
	for _, t := range texts {
		member := `"` + t.Member + `":"`
		at := bytes.Index(message, []byte(member+`"`))
		if at < 0 {
			continue // it cannot be: see AppendResult
		}
		at += len(member)
		l.JSON(message[:at])
		if t.Base64 {
			l.Base64(t.First, t.Last)
		} else {
			l.Text(t.First, t.Last)
		}
		message = message[at:]
	}
	l.JSON(message)
	return l
}

// LongText is a member whose text is encoded as it is written.
type LongText struct {
	Member      string
	First, Last []byte // what was left out is between them
	Base64      bool
}
