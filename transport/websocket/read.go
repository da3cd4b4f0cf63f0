package websocket

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/codebeaker/codebeaker/transport/budget"
)

// input is where bytes come from. next waits for some, which are valid until
// done; done is called after each next, also after one that failed.
type input interface {
	next() ([]byte, error)
	done()
}

// run is the reader's goroutine. It begins with a stack of 2 KiB, which suffices
// to wait and which a message makes grow, for good: the runtime shrinks a stack
// only when less than a quarter is used. So an idle connection goes on with a
// new goroutine.
func (c *Conn) run(in input) {
	cause, idle := c.readAll(in)
	if idle {
		c.idle = false // until the next pong tells
		go c.run(in)
		return
	}
	c.finish(in, cause)
}

// readAll reads until the connection ends or is idle. No cause means that it
// was closed from here.
func (c *Conn) readAll(in input) (cause *CloseError, idle bool) {
	defer func() {
		if p := recover(); p != nil {
			c.logPanic("OnMessage", p)
			cause = &CloseError{Code: CodeInternal, Reason: "internal error"}
		}
	}()
	if early := c.early; len(early) > 0 {
		c.early = nil
		if err := c.receive(early); err != nil {
			return asCloseError(err), false
		}
	}
	for !c.closing.Load() {
		for c.held() {
			time.Sleep(heldStep)
		}
		if err := c.readOnce(in); err != nil {
			if c.closing.Load() {
				return nil, false
			}
			return asCloseError(err), false
		}
		if c.idle {
			return nil, true
		}
	}
	return nil, false
}

// readOnce takes what is there, or waits for it.
func (c *Conn) readOnce(in input) error {
	defer in.done()
	p, err := in.next()
	if err == nil {
		return c.receive(p)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.timed {
		return &CloseError{Code: CodePolicy, Reason: fmt.Sprintf("message not complete after %v", time.Since(c.pace.start()).Round(time.Second))}
	}
	return broken(err)
}

// receive decodes bytes, and sets a deadline while something is partial.
func (c *Conn) receive(p []byte) error {
	if err := c.dec.feed(p, (*incoming)(c)); err != nil {
		return err
	}
	switch partial := c.dec.partial(); {
	case partial && c.opts.FrameTimeout > 0:
		now := time.Now()
		if !c.timed {
			c.timed = true
			c.pace = startPace(now, c.opts)
		} else {
			c.pace.count(now, len(p), c.opts)
		}
		c.arrived.Store(true)
		return c.nc.SetReadDeadline(c.pace.end)
	case c.timed:
		c.timed = false
		return c.nc.SetReadDeadline(time.Time{})
	}
	return nil
}

// pace is when a message is late: FrameTimeout after it has fallen behind
// MessageRate.
type pace struct {
	end   time.Time
	after time.Duration // how long after the start that is
}

func startPace(now time.Time, o *Options) pace {
	return pace{now.Add(o.FrameTimeout), o.FrameTimeout}
}

// start is when the message began.
func (p *pace) start() time.Time { return p.end.Add(-p.after) }

// count counts n bytes, and reports whether it was too late for them.
func (p *pace) count(now time.Time, n int, o *Options) (late bool) {
	late = o.FrameTimeout > 0 && now.After(p.end)
	more := time.Duration(n) * time.Second / time.Duration(o.MessageRate)
	// What was quick before is no credit.
	p.stood(min(more, now.Add(o.FrameTimeout).Sub(p.end)))
	return late
}

// stood excuses a time in which nothing was read.
func (p *pace) stood(d time.Duration) {
	p.end = p.end.Add(d)
	p.after += d
}

// MessageCost is how many times a message is in memory while it is decoded: as it
// came, its params, what they hold, and that decoded from base64.
const MessageCost = 4

// Bounds of the wait for room.
const (
	roomStep = 250 * time.Millisecond // between looks at whether the connection ends
	roomWait = 10 * time.Second       // of one that holds room itself
	heldStep = 10 * time.Millisecond  // between looks at whether replies went out
)

// reserve takes room for the message that comes in, of total bytes as far as is
// known, and waits for it: meanwhile nothing is read of the connection.
func (in *incoming) reserve(total int64) error {
	c := (*Conn)(in)
	if c.account == nil || total <= budget.FreeBytes {
		return nil
	}
	more := c.account.Fit(budget.Incoming, total*MessageCost) - c.taken
	if more <= 0 {
		return nil
	}
	if !c.account.Take(budget.Incoming, more) {
		if err := c.awaitRoom(more); err != nil {
			return err
		}
	}
	c.taken += more
	return nil
}

// awaitRoom waits until there are n bytes. Who holds some already, of a message in
// parts, waits for a while only: others may wait for those.
func (c *Conn) awaitRoom(n int64) error {
	began := time.Now()
	request := c.account.Ask(budget.Incoming, n)
	look := time.NewTicker(roomStep)
	defer look.Stop()
	for {
		select {
		case <-request.Granted():
			c.pace.stood(time.Since(began))
			return nil
		case <-look.C:
		}
		c.arrived.Store(true) // it cannot answer pings
		switch {
		case c.closing.Load():
			request.Cancel()
			return broken(net.ErrClosed)
		case c.taken > 0 && time.Since(began) > roomWait:
			request.Cancel()
			return &CloseError{Code: CodeTryAgainLater, Reason: noRoom(c.account, budget.Incoming)}
		}
	}
}

// noRoom says which limit there is no room in.
func noRoom(of *budget.Client, part budget.Part) string {
	return fmt.Sprintf("%v: the %d bytes that this client may have are taken", part, of.Share(part))
}

// settle gives back what was taken for a message.
func (in *incoming) settle() {
	if in.taken > 0 {
		in.account.Give(budget.Incoming, in.taken)
		in.taken = 0
	}
}

// Pass hands the handler n bytes of what was taken for the message of the
// OnMessage under way, for something that lives longer: so many, or fewer, or
// none for a small message.
func (c *Conn) Pass(n int64) budget.Hold {
	n = min(n, c.taken)
	c.taken -= n
	return c.account.Held(budget.Incoming, n)
}

// incoming is the Conn as the decoder's receiver.
type incoming Conn

func (in *incoming) message(payload []byte, binary bool) error {
	c := (*Conn)(in)
	c.idle, c.spoke = false, true
	defer in.settle()
	if !c.closing.Load() {
		c.handler.OnMessage(c, payload, binary)
	}
	return nil
}

func (in *incoming) control(op ws.OpCode, payload []byte) error {
	c := (*Conn)(in)
	switch op {
	case ws.OpPing:
		c.enqueue(ws.OpPong, func(dst []byte) []byte { return append(dst, payload...) })
	case ws.OpPong:
		c.idle, c.spoke = !c.spoke, false
		c.mu.Lock()
		c.unanswered = 0
		c.mu.Unlock()
	case ws.OpClose:
		code, reason, err := checkClose(payload)
		if err != nil {
			return err
		}
		return &CloseError{Code: code, Reason: reason, Remote: true}
	}
	return nil
}

func asCloseError(err error) *CloseError {
	if e := (*CloseError)(nil); errors.As(err, &e) {
		return e
	}
	return broken(err)
}

// recovered is deferred around calls of handlers and sources.
func (c *Conn) recovered(where string) {
	if p := recover(); p != nil {
		c.logPanic(where, p)
		c.close(&CloseError{Code: CodeInternal, Reason: "internal error"}, dropping)
	}
}

func (c *Conn) logPanic(where string, p any) {
	c.opts.Logger.Error("websocket: panic", "in", where, "panic", p, "stack", string(debug.Stack()))
}

// receiver takes what a decoder finds. The bytes are valid during the call.
type receiver interface {
	// reserve is told how many bytes a message has, as far as is known, before
	// they are kept.
	reserve(total int64) error
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
			n, whole, err := d.header(p, to)
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
func (d *decoder) header(p []byte, to receiver) (n int, whole bool, err error) {
	if d.have == 0 && len(p) >= headerSize(p) {
		n = headerSize(p)
		return n, true, d.open(p[:n], to)
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
	err = d.open(d.head[:d.have], to)
	d.have = 0
	return n, whole, err
}

// open begins a frame after its header. What it declares is refused here,
// before anything is allocated for it.
func (d *decoder) open(header []byte, to receiver) error {
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
		if err := to.reserve(d.total); err != nil {
			return err
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
