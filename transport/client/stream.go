package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Output is a piece of what a program wrote.
type Output struct {
	Stream string // stdout, stderr or pty
	Seq    int64
	Offset int64
	Data   []byte
}

// Stream is the output of one execution. Chunks wait for their reader, and a
// full stream holds up the client's connection, which paces the program.
type Stream struct {
	client    *Client
	session   string
	execution string // "" until it has started; guarded by the client's mu
	order     int64  // of its request
	kind      *protocol.CommandKind
	chunks    chan Output
	ended     sync.Once // closes chunks
	started   chan struct{}
	over      chan struct{} // closed by Close
	closed    sync.Once
	id        string
	pending   *pending
}

// streamBuffer is how many chunks wait in a stream.
const streamBuffer = 64

func newStream(c *Client, session string) *Stream {
	return &Stream{client: c, session: session, chunks: make(chan Output, streamBuffer), started: make(chan struct{}), over: make(chan struct{})}
}

// Follow runs a command with stream:true. The caller reads Chunks to their end
// and then asks Wait for the result, or calls Close.
func (c *Client) Follow(p Execute) (*Stream, error) {
	p.Stream, p.Background = true, false
	params, err := p.params()
	if err != nil {
		return nil, err
	}
	s := newStream(c, p.SessionID)
	s.kind = protocol.CommandOf(p.Command)
	c.following.Lock()
	defer c.following.Unlock()
	s.id, s.pending, err = c.begin(s)
	if err != nil {
		return nil, err
	}
	if err := c.send(s.id, protocol.MethodSessionExecute, params); err != nil {
		c.drop(s.id)
		return nil, err
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
			reply, err := s.client.await(ctx, s.id, s.pending)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", protocol.MethodSessionExecute, err)
			}
			m = reply
		case reply := <-s.pending.reply:
			if reply == nil {
				return nil, s.client.Err()
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
// Errors: ErrClosed; ctx's cause.
func (s *Stream) ExecutionID(ctx context.Context) (string, error) {
	select {
	case <-s.started:
		s.client.mu.Lock()
		defer s.client.mu.Unlock()
		return s.execution, nil
	case <-s.client.finished:
		return "", s.client.Err()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Close gives up the stream; the execution runs on, and its output is dropped.
// It may be called more than once.
func (s *Stream) Close() {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[s.execution] == s && s.execution != "" {
		delete(c.streams, s.execution)
	}
	s.closed.Do(func() { close(s.over) })
}

// receive takes a notification of the execution, on the reading goroutine.
func (s *Stream) receive(m *jsonrpc.Message) {
	switch m.Method {
	case protocol.NotifyStarted:
		close(s.started)
	case protocol.NotifyOutput:
		s.receiveOutput(m)
	case protocol.NotifyCompleted:
		s.client.mu.Lock()
		delete(s.client.streams, s.execution)
		s.client.mu.Unlock()
		s.end()
	}
}

func (s *Stream) receiveOutput(m *jsonrpc.Message) {
	var p protocol.ExecutionOutput
	if decode(m.Params, &p) != nil {
		return
	}
	o := Output{Stream: p.Stream, Seq: p.Seq, Offset: p.Offset, Data: []byte(p.Data)}
	if p.Encoding == protocol.Base64 {
		data, err := base64.StdEncoding.DecodeString(p.Data)
		if err != nil {
			return
		}
		o.Data = data
	}
	select {
	case s.chunks <- o:
	case <-s.over:
	}
}

// end closes the stream behind its last chunk.
func (s *Stream) end() { s.ended.Do(func() { close(s.chunks) }) }
