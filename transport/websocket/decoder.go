package websocket

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// receiver takes what a decoder finds. The bytes are valid during the call.
type receiver interface {
	message(payload []byte, binary bool) error
	control(op ws.OpCode, payload []byte) error
}

// decoder turns the bytes of a connection into messages and control frames, as
// RFC 6455 says. It holds memory only while a frame or a message is partial.
type decoder struct {
	side  ws.State // ws.StateServerSide or ws.StateClientSide: ours
	limit int64    // bytes of a message

	head [ws.MaxHeaderSize]byte // of a header that came in part
	have uint8                  // bytes of it

	frame  ws.Header
	inside bool  // of frame
	got    int64 // bytes of its payload

	kind  ws.OpCode // of the message; zero between messages
	total int64     // bytes of its frames so far, the present one included
	msg   *buffer   // its payload, when it came in parts
	ctl   *buffer   // the payload of a control frame, when that came in parts
	text  textCheck
}

// partial reports whether something has begun that is not complete.
func (d *decoder) partial() bool { return d.have > 0 || d.inside || d.kind != 0 }

// received is how many bytes of the message came so far.
func (d *decoder) received() int {
	if d.msg == nil {
		return 0
	}
	return len(d.msg.b)
}

// release gives back what a partial message holds.
func (d *decoder) release() {
	putBuffer(d.msg)
	putBuffer(d.ctl)
	d.msg, d.ctl = nil, nil
}

// feed takes the next bytes, which it unmasks in place. The error is the first
// of to, or a *CloseError to fail the connection with.
func (d *decoder) feed(p []byte, to receiver) error {
	for len(p) > 0 {
		if !d.inside {
			n, whole, err := d.header(p)
			if err != nil {
				return err
			}
			if p = p[n:]; !whole || len(p) == 0 && d.frame.Length > 0 {
				return nil
			}
		}
		n := int(min(int64(len(p)), d.frame.Length-d.got))
		if err := d.payload(p[:n], to); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// header takes bytes of a header, n of them, and opens the frame when it is
// whole.
func (d *decoder) header(p []byte) (n int, whole bool, err error) {
	if d.have == 0 && len(p) >= headerSize(p) {
		n = headerSize(p)
		return n, true, d.open(p[:n])
	}
	for int(d.have) < headerSize(d.head[:d.have]) {
		if n == len(p) {
			return n, false, nil
		}
		d.head[d.have] = p[n]
		d.have++
		n++
	}
	whole = true
	err = d.open(d.head[:d.have])
	d.have = 0
	return n, whole, err
}

// open begins a frame after its header. What it declares is refused here,
// before anything is allocated for it.
func (d *decoder) open(header []byte) error {
	h, err := parseHeader(header)
	if err != nil {
		return err
	}
	state := d.side
	if d.kind != 0 {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return protocolError(err.Error())
	}
	if h.OpCode.IsData() {
		if h.Length > d.limit-d.total {
			return &CloseError{Code: CodeTooBig, Reason: fmt.Sprintf("message over %d bytes", d.limit)}
		}
		d.total += h.Length
		if d.kind == 0 {
			d.kind = h.OpCode
		}
	}
	d.frame, d.inside, d.got = h, true, 0
	return nil
}

// payload takes bytes of the payload of the open frame, and closes the frame
// after the last.
func (d *decoder) payload(p []byte, to receiver) error {
	if d.frame.Masked {
		ws.Cipher(p, d.frame.Mask, int(d.got%4))
	}
	first := d.got == 0
	d.got += int64(len(p))
	last := d.got == d.frame.Length
	d.inside = !last
	if d.frame.OpCode.IsControl() {
		return d.controlPayload(p, first && last, last, to)
	}
	end := last && d.frame.Fin
	if end && first && d.msg == nil {
		return d.wholeMessage(p, to)
	}
	if d.kind == ws.OpText && !d.text.write(p) {
		return errNotUTF8()
	}
	d.keep(p)
	if !end {
		return nil
	}
	return d.endMessage(to)
}

// wholeMessage delivers a message of one frame that came in one piece, without
// a copy.
func (d *decoder) wholeMessage(p []byte, to receiver) error {
	kind := d.kind
	d.kind, d.total = 0, 0
	if kind == ws.OpText && !utf8.Valid(p) {
		return errNotUTF8()
	}
	return to.message(p, kind == ws.OpBinary)
}

// endMessage delivers a message that came in parts.
func (d *decoder) endMessage(to receiver) error {
	kind, msg := d.kind, d.msg
	d.kind, d.total, d.msg = 0, 0, nil
	defer putBuffer(msg)
	if kind == ws.OpText && !d.text.complete() {
		return errNotUTF8()
	}
	return to.message(msg.b, kind == ws.OpBinary)
}

// keep appends to the message. Its memory doubles with the bytes that came and
// never follows the length that was declared, but to end at it.
func (d *decoder) keep(p []byte) {
	if d.msg == nil {
		d.msg = getBuffer()
	}
	b := d.msg.b
	if need := len(b) + len(p); need > cap(b) {
		size := max(need, min(2*cap(b), int(d.total)))
		b = slices.Grow(b, size-len(b))
	}
	d.msg.b = append(b, p...)
}

func (d *decoder) controlPayload(p []byte, whole, last bool, to receiver) error {
	if whole {
		return to.control(d.frame.OpCode, p)
	}
	if d.ctl == nil {
		d.ctl = getBuffer()
	}
	d.ctl.b = append(d.ctl.b, p...)
	if !last {
		return nil
	}
	ctl := d.ctl
	d.ctl = nil
	defer putBuffer(ctl)
	return to.control(d.frame.OpCode, ctl.b)
}

func errNotUTF8() *CloseError {
	return &CloseError{Code: CodeInvalidText, Reason: "text message is not UTF-8"}
}
