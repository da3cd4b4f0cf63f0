package client

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Stream is the output of one execution over the connection of the calls, which
// it holds up when it is full: that paces the program, and every call with it.
// It ends with the connection. Start has neither fault; Stream is for many
// commands in a row whose output is small.
type Stream struct {
	client    *Client
	link      *link
	session   string
	execution string // "" until it has started; guarded by the link's mu
	order     int64  // of its request
	kind      *protocol.CommandKind
	chunks    chan Output
	ended     sync.Once // closes chunks
	begun     sync.Once // closes started
	started   chan struct{}
	over      chan struct{} // closed by Close
	closed    sync.Once
	id        string
	pending   *pending
}

// streamBuffer is how many chunks wait in a stream.
const streamBuffer = 64

func newStream(c *Client, l *link, session string) *Stream {
	return &Stream{client: c, link: l, session: session, chunks: make(chan Output, streamBuffer), started: make(chan struct{}), over: make(chan struct{})}
}

// Follow runs a command with stream:true. The caller reads Chunks to their end
// and then asks Wait for the result, or calls Close.
func (c *Client) Follow(p Execute) (*Stream, error) {
	p.Stream, p.Background = true, false
	params, err := p.params()
	if err != nil {
		return nil, err
	}
	l, err := c.connection(c.ctx)
	if err != nil {
		return nil, err
	}
	s := newStream(c, l, p.SessionID)
	s.kind = protocol.CommandOf(p.Command)
	s.pending = &pending{stream: s}
	c.following.Lock()
	defer c.following.Unlock()
	if s.id, err = l.begin(s.pending); err != nil {
		return nil, lost(err)
	}
	if err := l.send(s.id, protocol.MethodSessionExecute, params); err != nil {
		l.drop(s.id)
		return nil, fmt.Errorf("%s: %w", protocol.MethodSessionExecute, err)
	}
	return s, nil
}

// Chunks delivers the output. It is closed behind the last chunk, or when the
// connection ends.
func (s *Stream) Chunks() <-chan Output { return s.chunks }

// Wait returns the result of the execution, behind its output. It reads and
// drops the chunks that nobody has taken.
// Errors: as Client.Call.
func (s *Stream) Wait(ctx context.Context) (*protocol.ExecuteResult, error) {
	var m *jsonrpc.Message
	for m == nil {
		select {
		case _, ok := <-s.chunks:
			if ok {
				continue
			}
			reply, err := s.link.await(ctx, s.id, s.pending)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", protocol.MethodSessionExecute, s.client.orEnd(err))
			}
			m = reply
		case reply := <-s.pending.reply:
			if reply == nil {
				return nil, s.client.orEnd(lost(s.link.err()))
			}
			m = reply
		case <-ctx.Done():
			s.Close()
			return nil, context.Cause(ctx)
		}
	}
	s.Close()
	return decodeExecute(s.kind, m)
}

// ExecutionID waits until the execution has started and returns its id.
// Errors: ErrConnectionLost; ErrClosed; ctx's cause.
func (s *Stream) ExecutionID(ctx context.Context) (string, error) {
	select {
	case <-s.started:
		s.link.mu.Lock()
		defer s.link.mu.Unlock()
		return s.execution, nil
	case <-s.link.finished:
		return "", s.client.orEnd(lost(s.link.err()))
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Close gives up the stream; the execution runs on, and its output is dropped.
// It may be called more than once.
func (s *Stream) Close() {
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[s.execution] == s && s.execution != "" {
		delete(l.streams, s.execution)
	}
	s.closed.Do(func() { close(s.over) })
}

// receive takes a notification of the execution, on the reading goroutine.
func (s *Stream) receive(m *jsonrpc.Message) {
	switch m.Method {
	case protocol.NotifyStarted:
		s.begun.Do(func() { close(s.started) })
	case protocol.NotifyOutput:
		s.receiveOutput(m)
	case protocol.NotifyCompleted:
		s.link.mu.Lock()
		delete(s.link.streams, s.execution)
		s.link.mu.Unlock()
		s.end()
	}
}

func (s *Stream) receiveOutput(m *jsonrpc.Message) {
	o, _, err := decodeOutput(m.Params)
	if err != nil {
		return
	}
	select {
	case s.chunks <- o:
	case <-s.over:
	}
}

// end closes the stream behind its last chunk.
func (s *Stream) end() { s.ended.Do(func() { close(s.chunks) }) }

// streamOf finds the stream that a notification belongs to.
func (l *link) streamOf(m *jsonrpc.Message) *Stream {
	switch m.Method {
	case protocol.NotifyStarted, protocol.NotifyOutput, protocol.NotifyCompleted:
	default:
		return nil
	}
	var ref protocol.ExecutionRef
	if decode(m.Params, &ref) != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.streams[ref.ExecutionID]; s != nil {
		return s
	}
	if m.Method != protocol.NotifyStarted {
		return nil
	}
	return l.claimLocked(&ref)
}

// claimLocked gives an execution that has started to the first stream of its
// session that waits for one. The commands of a session start in the order in
// which they were sent, so it is the oldest.
func (l *link) claimLocked(ref *protocol.ExecutionRef) *Stream {
	var first *Stream
	for _, p := range l.pending {
		if s := p.stream; s != nil && s.session == ref.SessionID && s.execution == "" && (first == nil || s.order < first.order) {
			first = s
		}
	}
	if first != nil {
		first.execution = ref.ExecutionID
		l.streams[ref.ExecutionID] = first
	}
	return first
}

// OnMessage is websocket.Handler's.
func (l *link) OnMessage(conn *websocket.Conn, msg []byte, _ bool) {
	if err := jsonrpc.DecodeMessages(msg, l.receive); err != nil {
		conn.CloseWith(websocket.CodePolicy, "not a JSON-RPC message")
	}
}

// OnClose is websocket.Handler's.
func (l *link) OnClose(_ *websocket.Conn, cause *websocket.CloseError) {
	l.mu.Lock()
	l.cause = cause
	waiting, streams := l.pending, l.streams
	l.pending, l.streams = nil, nil
	l.mu.Unlock()
	for _, p := range waiting {
		if p.stream != nil {
			p.stream.end()
		}
		p.reply <- nil
	}
	for _, s := range streams {
		s.end()
	}
	close(l.finished)
}

func (l *link) receive(m *jsonrpc.Message) {
	l.mu.Lock()
	l.heard = true
	notify := l.notify
	p := l.pending[string(m.ID)]
	if m.Method == "" {
		delete(l.pending, string(m.ID))
	}
	l.mu.Unlock()
	switch {
	case m.Method != "":
		notify(m)
	case p != nil: // otherwise its caller has left
		l.answer(p, m)
	}
}

func (l *link) answer(p *pending, m *jsonrpc.Message) {
	if p.then != nil {
		p.then(m)
	}
	if p.stream != nil {
		p.stream.end() // it was refused; otherwise it has ended already
	}
	p.reply <- m
}

// decode decodes an object.
func decode[T any](raw jsonrpc.Raw, dst *T) error { return jsonrpc.DecodeParams(raw, dst) }

// decoder takes the result of a reply; nil has no use for it.
type decoder func(jsonrpc.Raw) error

// into decodes into a type of the protocol.
func into[T any](dst *T) decoder {
	return func(result jsonrpc.Raw) error { return jsonrpc.DecodeResult(result, dst) }
}

// anything decodes into whatever a caller has, as callers know it from
// encoding/json.
func anything(dst any) decoder {
	if dst == nil {
		return nil
	}
	return func(result jsonrpc.Raw) error { return json.Unmarshal(result, dst) }
}

func decodeReply(method string, m *jsonrpc.Message, decode decoder) error {
	if m.Err != nil {
		return &RefusedError{Method: method, Reply: m.Err}
	}
	if decode == nil {
		return nil
	}
	if err := decode(m.Result); err != nil {
		return &resultError{method, err}
	}
	return nil
}

// resultError is a result that is not of the type it should be.
type resultError struct {
	method string
	err    error
}

func (e *resultError) Error() string { return e.method + ": result: " + e.err.Error() }
func (e *resultError) Unwrap() error { return e.err }
