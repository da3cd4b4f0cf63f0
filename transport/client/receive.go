package client

import (
	"encoding/json"
	"fmt"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// receiver is the Client as its connection sees it.
type receiver Client

// OnMessage is websocket.Handler's.
func (r *receiver) OnMessage(conn *websocket.Conn, msg []byte, _ bool) {
	if err := jsonrpc.DecodeMessages(msg, (*Client)(r).receive); err != nil {
		conn.CloseWith(websocket.CodePolicy, "not a JSON-RPC message")
	}
}

// OnClose is websocket.Handler's.
func (r *receiver) OnClose(_ *websocket.Conn, cause *websocket.CloseError) {
	c := (*Client)(r)
	c.mu.Lock()
	c.cause = fmt.Errorf("%w: %w", ErrClosed, cause)
	waiting, streams := c.pending, c.streams
	c.pending, c.streams = nil, nil
	c.mu.Unlock()
	for _, p := range waiting {
		if p.stream != nil {
			p.stream.end()
		}
		p.reply <- nil
	}
	for _, s := range streams {
		s.end()
	}
	close(c.finished)
}

func (c *Client) receive(m *jsonrpc.Message) {
	if m.Method != "" {
		c.receiveNotification(m)
		return
	}
	c.mu.Lock()
	p := c.pending[string(m.ID)]
	delete(c.pending, string(m.ID))
	c.mu.Unlock()
	if p == nil {
		return // its caller has left
	}
	if p.stream != nil {
		p.stream.end() // it was refused; otherwise it has ended already
	}
	p.reply <- m
}

func (c *Client) receiveNotification(m *jsonrpc.Message) {
	if s := c.streamOf(m); s != nil {
		s.receive(m)
		return
	}
	c.notify(m.Method, m.Params)
}

// streamOf finds the stream that a notification belongs to.
func (c *Client) streamOf(m *jsonrpc.Message) *Stream {
	switch m.Method {
	case protocol.NotifyStarted, protocol.NotifyOutput, protocol.NotifyCompleted:
	default:
		return nil
	}
	var ref protocol.ExecutionRef
	if decode(m.Params, &ref) != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[ref.ExecutionID]; s != nil {
		return s
	}
	if m.Method != protocol.NotifyStarted {
		return nil
	}
	return c.claimLocked(&ref)
}

// claimLocked gives an execution that has started to the first stream of its
// session that waits for one. The commands of a session start in the order in
// which they were sent, so it is the oldest.
func (c *Client) claimLocked(ref *protocol.ExecutionRef) *Stream {
	var first *Stream
	for _, p := range c.pending {
		if s := p.stream; s != nil && s.session == ref.SessionID && s.execution == "" && (first == nil || s.order < first.order) {
			first = s
		}
	}
	if first != nil {
		first.execution = ref.ExecutionID
		c.streams[ref.ExecutionID] = first
	}
	return first
}

func decode(raw jsonrpc.Raw, dst any) error { return json.Unmarshal(raw, dst) }
