package rpc

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// No message is larger than its client takes. What can be large is cut here, to
// the room that its message has, and says so. Whatever is too large all the
// same is refused by jsonrpc.Bound, through which every message passes: that of
// a WebSocket in websocket.Conn, that of a POST in jsonrpc.Lines.

const (
	// envelopeRoom is more than a message takes besides its result and its id.
	envelopeRoom = 512
	// cursorBytes is more than a cursor takes.
	cursorBytes = 256
	// maxSentence is the longest sentence of an error, in bytes.
	maxSentence = 4 << 10
)

// mostMessage is the most that a client may ask for.
func (d *Door) mostMessage() int {
	return max(d.options.WebSocket.MessageBytes, protocol.DefaultMaxMessage)
}

// outlet is where the messages of a connection go out, none above its bound.
type outlet interface {
	Bound(most int)
	Room() int
}

// most is the size of the largest message for this client; zero is any.
func (cn *connection) most() int {
	if cn.outlet == nil {
		return 0
	}
	return cn.outlet.Room()
}

// bound makes most the size of the largest message from now on.
func (cn *connection) bound(most int) {
	if cn.outlet != nil {
		cn.outlet.Bound(most)
	}
}

// maxMessageOf is what the query of a request says of the size of messages. A
// client that takes more than this server sends takes that.
func (d *Door) maxMessageOf(r *http.Request) (int, error) {
	query := r.URL.Query()
	if !query.Has(protocol.MaxMessageMember) {
		return protocol.DefaultMaxMessage, nil
	}
	most := int64(d.mostMessage())
	n, err := strconv.ParseInt(query.Get(protocol.MaxMessageMember), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) && n > 0:
		return int(most), nil
	case err != nil || n < protocol.MinMaxMessage:
		return 0, rangeError(protocol.MaxMessageMember, protocol.MinMaxMessage, most)
	}
	return int(min(n, most)), nil
}

// oversize is websocket.Options.Oversize.
func (d *Door) oversize(dst []byte, start, most int) []byte {
	size := len(dst) - start
	dst = jsonrpc.Bound(dst, start, most)
	if len(dst) == start {
		d.log.Error("notification lost: it is too large for the connection", "bytes", size, "maximum", most)
	}
	return dst
}

// room is how large the result of the call may be; zero is any.
func (c *call) room() int {
	to, ok := c.to.(jsonrpc.Bounded)
	if !ok {
		return 0
	}
	return roomFor(to.Room(), len(c.id))
}

// roomFor is how large a result may be in a message of most bytes.
func roomFor(most, id int) int {
	if most == 0 {
		return 0
	}
	return max(most-envelopeRoom-id, 1)
}

// tooMuchEscape reports whether the escapes of a text more than double it; it
// goes as base64 then. Short texts are not worth it.
func tooMuchEscape(bytes, escaped int) bool { return escaped > 2*bytes+256 }

// part is what is known of the output of a program on its way into a result.
type part struct {
	data    []byte
	head    int // where data has its gap; len(data) without one
	omitted int64
	base64  bool
	size    int // encoded
}

func (p *part) of(c *output.Captured) {
	*p = part{data: c.Data, head: min(c.Head, len(c.Data)), omitted: c.Omitted}
	if c.Omitted == 0 {
		p.head = len(c.Data)
	}
	if p.size = len(p.data); p.size == 0 {
		return
	}
	if p.base64 = !utf8.Valid(p.data); !p.base64 {
		p.size = jsonrpc.TextBytes(p.data)
		p.base64 = tooMuchEscape(len(p.data), p.size)
	}
	if p.base64 {
		p.size = base64.StdEncoding.EncodedLen(len(p.data))
	}
}

// cut leaves out of the middle what does not fit into so many encoded bytes.
func (p *part) cut(most int) {
	if p.size <= most {
		return
	}
	first, last := p.data[:p.head], p.data[p.head:]
	if p.omitted == 0 {
		last = first
	}
	if p.base64 {
		raw := most / 4 * 3
		tail := min(len(last), raw-output.HeadOf(raw))
		head := min(len(first), raw-tail)
		first, last = output.CutText(first[:head], last[len(last)-tail:])
	} else {
		first, last = p.cutText(first, last, most)
	}
	p.omitted += int64(len(p.data) - len(first) - len(last))
	kept := append([]byte(nil), p.data[:len(first)+len(last)]...) // without clearing it first
	copy(kept[len(first):], last)
	p.data, p.head = kept, len(first)
}

// encoding is the member that says how the text goes.
func (p *part) encoding() string {
	if p.base64 {
		return string(protocol.Base64)
	}
	return ""
}

// cutText cuts text between characters. It looks at what stays of last, a
// quarter, and at what goes.
func (p *part) cutText(first, last []byte, most int) (_, _ []byte) {
	tail, _ := jsonrpc.TextTail(last, most/4)
	excess := p.size - most
	if p.omitted == 0 {
		first = first[:len(first)-tail]
	} else {
		excess -= jsonrpc.TextBytes(last[:len(last)-tail])
	}
	if excess > 0 {
		// As no character takes more than six bytes, more than the excess goes.
		goes, _ := jsonrpc.TextTail(first, excess+len(`\u0000`))
		first = first[:len(first)-goes]
	}
	return first, last[len(last)-tail:]
}

// text is the part as a member and its encoding.
func (p *part) text() (text, encoding string) {
	if p.base64 {
		return base64.StdEncoding.EncodeToString(p.data), p.encoding()
	}
	return unsafe.String(unsafe.SliceData(p.data), len(p.data)), p.encoding()
}

// fitStreams cuts the streams of a result that may have most bytes; what the
// smaller one does not need is the larger one's. rest measures the result
// without them, which is small beside the larger half of a message.
func fitStreams(stdout, stderr *part, most int, rest func() int) {
	if most == 0 || stdout.size+stderr.size <= most/4 {
		return
	}
	const members = 128 // that say that something is left out, and how it is encoded
	left := max(most-rest()-members, 0)
	if stdout.size+stderr.size <= left {
		return
	}
	stdout.cut(max(left/2, left-stderr.size))
	stderr.cut(max(left/2, left-stdout.size))
}

// fitContent is the part of a file's content that fits, from its beginning, and
// how it goes. cut: there is more behind content, so that a character may be
// left to the next read.
func fitContent(content []byte, wanted protocol.Encoding, cut bool, most int) (kept []byte, encoding protocol.Encoding) {
	if wanted == protocol.Base64 {
		return fitBase64(content, most), protocol.Base64
	}
	text := content
	if most > 0 && len(text) > most {
		text, cut = text[:most], true
	}
	if cut {
		text = wholeCharacters(text)
	}
	if !utf8.Valid(text) || len(text) == 0 && len(content) > 0 {
		return fitBase64(content, most), protocol.Base64
	}
	size := jsonrpc.TextBytes(text)
	if tooMuchEscape(len(text), size) {
		return fitBase64(content, most), protocol.Base64
	}
	if most > 0 && size > most {
		text = text[:jsonrpc.TextHead(text, most)]
	}
	return text, protocol.UTF8
}

func fitBase64(content []byte, most int) []byte {
	if most > 0 {
		content = content[:min(len(content), most/4*3)]
	}
	return content
}

// wholeCharacters leaves out a character at the end whose rest is missing.
func wholeCharacters(text []byte) []byte {
	whole, _ := output.CutText(text, nil)
	return whole
}

// fitEntries is how many entries of a listing fit.
func fitEntries(entries []runtimes.Entry, most int) int {
	if most == 0 {
		return len(entries)
	}
	const each = 160 // besides the names
	for i := range entries {
		if most -= each + stringSize(entries[i].Name) + stringSize(entries[i].Path); most < 0 {
			return i
		}
	}
	return len(entries)
}

// fitSessions cuts a page to what fits; at least one is left.
func fitSessions(page *protocol.SessionPage, most int) {
	left := most - cursorBytes
	for i := range page.Sessions {
		if left -= sizeOfSession(&page.Sessions[i]); left < 0 && i > 0 {
			page.Sessions = page.Sessions[:i]
			page.Count, page.NextCursor = i, page.Sessions[i-1].SessionID
			return
		}
	}
}

// sizeOfSession is about what a session takes in a page, or more.
func sizeOfSession(s *protocol.SessionDetail) int {
	const members = 1536 // with their values
	n := members + stringSize(s.ContainerID) + stringSize(s.EnvironmentID)
	for _, layer := range s.Isolation.Layers {
		n += len(layer)
	}
	for name, value := range s.Labels {
		n += stringSize(name) + stringSize(value) + len(`"":"",`)
	}
	return n
}

// fitExecutions cuts a page to what fits; at least one is left.
func fitExecutions(page *protocol.ExecutionPage, most int) {
	const each = 256 // besides the names
	left := most - cursorBytes
	for i := range page.Executions {
		e := &page.Executions[i]
		if left -= each + stringSize(e.Type) + stringSize(e.CommandName); left < 0 && i > 0 {
			page.Executions = page.Executions[:i]
			page.NextCursor = page.Executions[i-1].ExecutionID
			return
		}
	}
}

// stringSize is jsonrpc.TextSize of a string that may be no UTF-8.
func stringSize(s string) int {
	if !utf8.ValidString(s) {
		return len(s) * len(`\ufffd`)
	}
	return jsonrpc.TextSize(unsafe.Slice(unsafe.StringData(s), len(s)))
}

// shortened is a sentence for a client; a name in it may be long.
func shortened(s string) string {
	if len(s) <= maxSentence {
		return s
	}
	return strings.ToValidUTF8(s[:maxSentence], "") + "…"
}
