package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// link is one connection and the calls on it that have no answer yet.
type link struct {
	conn     *websocket.Conn
	finished chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	notify  func(*jsonrpc.Message) // gets notifications, on the reading goroutine
	last    int64
	heard   bool
	pending map[string]*pending // by id
	cause   *websocket.CloseError
}

// pending is a call without its answer.
type pending struct {
	reply chan *jsonrpc.Message  // of capacity 1; nil: the link ended
	then  func(*jsonrpc.Message) // if any, sees the reply before all that follows it
}

func newLink(conn *websocket.Conn, notify func(*jsonrpc.Message)) *link {
	return &link{
		conn: conn, notify: notify, finished: make(chan struct{}),
		pending: make(map[string]*pending),
	}
}

// setNotify gives later notifications to another.
func (l *link) setNotify(notify func(*jsonrpc.Message)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify = notify
}

// err is why the connection ended, nil while it is open.
func (l *link) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		return nil
	}
	return l.cause
}

// wasHeard reports whether the server has said anything.
func (l *link) wasHeard() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

// call makes a call and waits for its answer.
// Errors: errUnsent; ErrConnectionLost; ctx's cause; params that cannot be encoded.
func (l *link) call(ctx context.Context, method string, params any, then func(*jsonrpc.Message)) (*jsonrpc.Message, error) {
	p := &pending{then: then}
	id, err := l.begin(p)
	if err != nil {
		return nil, err
	}
	if err := l.send(id, method, params); err != nil {
		l.drop(id)
		return nil, err
	}
	return l.await(ctx, id, p)
}

// begin makes the place for the answer of a call.
func (l *link) begin(p *pending) (id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return "", fmt.Errorf("%w: %w", errUnsent, l.cause)
	}
	l.last++
	id = strconv.FormatInt(l.last, 10)
	p.reply = make(chan *jsonrpc.Message, 1)
	l.pending[id] = p
	return id, nil
}

func (l *link) send(id, method string, params any) error {
	b, err := jsonrpc.AppendRequest(nil, jsonrpc.ID(id), method, params)
	if err != nil {
		return err
	}
	l.conn.Reply(func(dst []byte) []byte { return append(dst, b...) })
	return nil
}

func (l *link) drop(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, id)
}

func (l *link) await(ctx context.Context, id string, p *pending) (*jsonrpc.Message, error) {
	select {
	case m := <-p.reply:
		if m == nil {
			return nil, lost(l.err())
		}
		return m, nil
	case <-ctx.Done():
		l.drop(id)
		return nil, context.Cause(ctx)
	}
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
	waiting := l.pending
	l.pending = nil
	l.mu.Unlock()
	for _, p := range waiting {
		p.reply <- nil
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
	p.reply <- m
}

// Call makes a call and decodes its result into result, which may be nil. It
// waits for a connection when there is none. When ctx ends first the call goes
// on at the server and its reply is dropped.
// Errors: *RefusedError when the server refused; ErrConnectionLost; ErrClosed;
// ctx's cause.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	_, err := c.callOver(ctx, method, params, anything(result))
	return err
}

// callOver is Call, and says which connection brought the answer.
func (c *Client) callOver(ctx context.Context, method string, params any, decode decoder) (*link, error) {
	l, m, err := c.ask(ctx, method, params)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return l, decodeReply(method, m, decode)
}

// ask calls on the connection of now, and on the next one when the call was not
// sent, or may be made twice.
func (c *Client) ask(ctx context.Context, method string, params any) (*link, *jsonrpc.Message, error) {
	for {
		l, err := c.connection(ctx)
		if err != nil {
			return nil, nil, err
		}
		m, err := l.call(ctx, method, params, nil)
		switch {
		case err == nil:
			return l, m, nil
		case errors.Is(err, errUnsent):
		case errors.Is(err, ErrConnectionLost):
			if c.isClosed() || !repeatable(method, params) || ofTheCall(err) {
				return nil, nil, c.orEnd(err)
			}
		default:
			return nil, nil, err
		}
	}
}

// repeatable reports whether a call made twice does what it does once.
func repeatable(method string, params any) bool {
	switch method {
	case protocol.MethodSessionExecute, protocol.MethodExecutionInput, protocol.MethodExecutionSignal:
		return false
	case protocol.MethodSessionCreate:
		p, ok := params.(*protocol.SessionCreate)
		return ok && p.ClientToken != nil
	}
	return known[method]
}

// known are the methods of the protocol; of others nothing is known.
var known = func() map[string]bool {
	m := make(map[string]bool)
	for _, method := range protocol.Methods() {
		m[method.Name] = true
	}
	return m
}()

// ofTheCall reports whether the connection ended for what was sent, or for a
// reply that is too big for this client, so that it would again.
func ofTheCall(err error) bool {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return false
	}
	switch closed.Code {
	case websocket.CodeTooBig:
		return true
	case websocket.CodeProtocolError, websocket.CodeInvalidText, websocket.CodePolicy:
		return closed.Remote
	}
	return false
}

// Notify sends a call whose outcome nobody wants to know, on the connection of
// now.
func (c *Client) Notify(method string, params any) error {
	if err := c.Err(); err != nil {
		return err
	}
	b, err := jsonrpc.AppendNotification(nil, method, params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	c.mu.Lock()
	l := c.main
	c.mu.Unlock()
	if err := l.err(); err != nil {
		return fmt.Errorf("%s: %w", method, lost(err))
	}
	l.conn.Reply(func(dst []byte) []byte { return append(dst, b...) })
	return nil
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
