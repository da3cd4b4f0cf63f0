package rpc

import (
	"encoding/base64"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/transport/budget"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// stream is one execution's output on its way to one connection. It is a
// websocket.Source: the connection pulls as its socket drains.
type stream struct {
	conn      *connection
	session   string
	execution string
	feed      *websocket.Feed
	opened    atomic.Bool // pulled from now on

	// Locks are taken in the order: the websocket's, mu, the log's. Under mu
	// nothing of the connection is called but Wake and Detach.
	mu      sync.Mutex
	sub     *output.Subscription
	over    bool // completed was sent, or the stream was stopped
	pending *heldReply

	item   output.Item             // being encoded
	head   []byte                  // of each chunk
	encode func(dst []byte) []byte // appendItem, bound once
}

// heldReply is the reply to an execute with stream, which follows its output.
type heldReply struct {
	call   *call
	result any
	err    error
}

// maxStreams bounds the executions whose output one connection receives.
const maxStreams = 256

var errStreams = &actors.BusyError{Limit: "streams", Maximum: maxStreams, RetryAfter: time.Second}

func (cn *connection) streamsFull() bool {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	return len(cn.streams) >= maxStreams
}

// Follow is actors.Follower's: the command of this call will have output. A
// foreground stream is open from the start and is first pulled when its program
// runs, so that of the commands of a session each is told started in the order
// in which they run. In the background the client learns the id from the reply.
func (c *call) Follow(log *output.Log) {
	s := c.conn.newStream(c.session.ID(), log)
	s.opened.Store(!c.request.Background)
	if _, err := c.conn.follow(s, log, 0); err != nil {
		c.conn.door.log.Error("stream lost", "execution", log.ID(), "error", err)
		return
	}
	c.stream = s
	if c.request.Background {
		c.after = (*call).openStream
	}
}

func (c *call) openStream() { c.stream.open() }

// newStream is a stream for follow.
func (cn *connection) newStream(session string, log *output.Log) *stream {
	s := &stream{conn: cn, session: session, execution: log.ID(), head: chunkHead(session, log.ID())}
	s.encode = s.appendItem
	s.feed = cn.ws.Attach(s)
	return s
}

// follow subscribes s to the log from a chunk on, in place of the stream that
// the connection has for the same execution. It sends nothing before it is open.
func (cn *connection) follow(s *stream, log *output.Log, from int64) (output.Snapshot, error) {
	sub, snap, err := log.Subscribe(from, s.wake)
	if err != nil {
		return snap, err
	}
	s.mu.Lock()
	s.sub = sub
	s.mu.Unlock()
	if before, ok := cn.addStream(s); !ok {
		s.stop() // the connection has ended
	} else if before != nil {
		before.stop()
	}
	return snap, nil
}

// addStream makes s the stream of its execution, and returns the one before it.
func (cn *connection) addStream(s *stream) (before *stream, ok bool) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if cn.ctx.Err() != nil {
		return nil, false
	}
	if cn.streams == nil {
		cn.streams = make(map[string]*stream)
	}
	before = cn.streams[s.execution]
	cn.streams[s.execution] = s
	return before, true
}

// removeStream forgets s, unless another has taken its place.
func (cn *connection) removeStream(s *stream) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if cn.streams[s.execution] == s {
		delete(cn.streams, s.execution)
	}
}

// findStream returns the stream of an execution, or nil.
func (cn *connection) findStream(session, execution string) *stream {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if s := cn.streams[execution]; s != nil && s.session == session {
		return s
	}
	return nil
}

// open lets the connection pull, now.
func (s *stream) open() {
	s.opened.Store(true)
	s.feed.Wake()
}

// wake is called by the log.
func (s *stream) wake() {
	if s.opened.Load() {
		s.feed.Wake()
	}
}

// Pull is websocket.Source's.
func (s *stream) Pull(dst *websocket.Frames) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.over && s.sub != nil {
		var ok bool
		if s.item, ok = s.sub.Next(); !ok {
			// An execution that failed without an outcome is not completed.
			if s.pending != nil && s.pending.err != nil {
				s.endLocked()
			}
			return false
		}
		if s.item.Kind == output.ItemCompleted && sizeOf(s.item.Outcome) > largeReply {
			s.completeLarge(dst)
		} else {
			dst.Text(s.encode)
		}
		if s.item.Kind == output.ItemCompleted {
			s.endLocked()
		}
		if dst.Room() == 0 {
			return !s.over
		}
	}
	return false
}

// endLocked ends the stream behind its last item. The reply that waited for it
// goes out from another goroutine: Pull runs under the websocket's lock.
func (s *stream) endLocked() {
	s.over = true
	s.item = output.Item{}
	go func() {
		s.conn.removeStream(s)
		s.stop()
	}()
}

// hold keeps the reply back until completed has been sent. False: it has been,
// or never will be.
func (s *stream) hold(c *call, result any, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.pending = &heldReply{c, result, err}
	s.feed.Wake()
	return true
}

// stop ends the stream where it is, and answers the call that waited for it.
// When it returns, whatever was pulled precedes what is queued next.
func (s *stream) stop() {
	s.feed.Detach()
	s.mu.Lock()
	s.over = true
	if s.sub != nil {
		s.sub.Close()
		s.sub = nil
	}
	p := s.pending
	s.pending = nil
	s.mu.Unlock()
	if p != nil {
		p.call.finish(p.result, p.err)
	}
}

// appendItem encodes the item as a notification.
func (s *stream) appendItem(dst []byte) []byte {
	var err error
	switch s.item.Kind {
	case output.ItemStarted:
		dst, err = jsonrpc.AppendNotification(dst, protocol.NotifyStarted,
			&protocol.ExecutionStarted{SessionID: s.session, ExecutionID: s.execution})
	case output.ItemChunk:
		if shown := s.item.Chunk.Display; shown != nil {
			dst, err = s.appendDisplay(dst, shown)
			break
		}
		dst = appendChunk(dst, s.head, &s.item.Chunk, s.conn.most())
	case output.ItemCompleted:
		dst, err = s.appendCompleted(dst)
	}
	if err != nil {
		s.conn.door.log.Error("notification lost", "execution", s.execution, "error", err)
	}
	return dst
}

// appendDisplay encodes what code has shown, in the forms that the connection takes.
func (s *stream) appendDisplay(dst []byte, shown *output.Display) ([]byte, error) {
	most := roomFor(s.conn.most(), len(s.session)+len(s.execution))
	p := &protocol.ExecutionDisplay{SessionID: s.session, ExecutionID: s.execution, Seq: s.item.Chunk.Seq}
	p.Display, _ = wireDisplay(shown, most)
	return jsonrpc.AppendNotification(dst, protocol.NotifyDisplay, p)
}

func (s *stream) appendCompleted(dst []byte) ([]byte, error) {
	return s.appendOutcome(dst, &wireOutcome{})
}

func (s *stream) appendOutcome(dst []byte, w *wireOutcome) ([]byte, error) {
	p := &protocol.ExecutionCompleted{SessionID: s.session, ExecutionID: s.execution}
	if o, ok := s.item.Outcome.(*actors.Outcome); ok {
		p.Result = *w.of(o, roomFor(s.conn.most(), len(s.session)+len(s.execution)))
	}
	return jsonrpc.AppendNotification(dst, protocol.NotifyCompleted, p)
}

// completeLarge sends a large outcome, whose texts are encoded as they are written.
// It is the last of the stream: the account is charged whether there is room or
// not, and for what is held of it.
func (s *stream) completeLarge(dst *websocket.Frames) {
	w := &wireOutcome{split: true}
	message, err := s.appendOutcome(nil, w)
	if err != nil {
		s.conn.door.log.Error("notification lost", "execution", s.execution, "error", err)
		return
	}
	m, account := jsonrpc.Split(message, w.texts), s.conn.account
	if most := s.conn.most(); most > 0 && m.Size() > most {
		s.conn.door.log.Error("notification lost: it is too large for the connection", "bytes", m.Size(), "maximum", most)
		return
	}
	held := account.Held(budget.Outgoing, int64(sizeOf(s.item.Outcome)))
	account.Force(budget.Outgoing, held.Bytes())
	m.OnRelease(held.Release)
	dst.Message(m)
}

// chunkHead is the beginning of every execution.output of a stream.
func chunkHead(session, execution string) []byte {
	head := []byte(`{"jsonrpc":"2.0","method":"` + protocol.NotifyOutput + `","params":{"sessionId":`)
	head = jsonrpc.AppendText(head, []byte(session))
	head = append(head, `,"executionId":`...)
	head = jsonrpc.AppendText(head, []byte(execution))
	return append(head, `,"stream":"`...)
}

// appendChunk appends a protocol.ExecutionOutput as a notification of most bytes
// at most; zero is any size. Output is the most of what a server sends, so it is
// written by hand.
func appendChunk(dst, head []byte, c *output.Chunk, most int) []byte {
	start := len(dst)
	size := len(c.Data)
	if c.Binary {
		size = base64.StdEncoding.EncodedLen(size)
	}
	dst = slices.Grow(dst, len(head)+size+chunkRoom)
	dst = append(dst, head...)
	dst = append(dst, c.Stream.String()...)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendInt(dst, c.Seq, 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, c.Offset, 10)
	dst = append(dst, `,"data":`...)
	if !c.Binary {
		at := len(dst)
		dst = append(jsonrpc.AppendText(dst, c.Data), '}', '}')
		if !tooMuchEscape(len(c.Data), len(dst)-at) && (most == 0 || len(dst)-start <= most) {
			return dst
		}
		dst = dst[:at]
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, c.Data)
	return append(dst, `","encoding":"`+string(protocol.Base64)+`"}}`...)
}

// chunkRoom is about what a chunk takes besides its head and its data.
const chunkRoom = 128
