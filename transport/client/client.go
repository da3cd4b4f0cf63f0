package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// ErrClosed is the error of calls on a connection that has ended.
var ErrClosed = errors.New("the connection is closed")

// Options of a Client. The zero value is ready.
type Options struct {
	// Key is sent as Authorization: Bearer. "" sends none.
	Key string
	// Header is added to the handshake.
	Header http.Header
	// OnNotification gets notifications that belong to no stream, in order. It
	// must not wait for a call of the same client.
	OnNotification func(method string, params jsonrpc.Raw)
	// WebSocket are the limits of the connection.
	WebSocket websocket.Options
}

// Client is one connection to a server. Its methods are safe for concurrent
// use.
type Client struct {
	conn     *websocket.Conn
	notify   func(method string, params jsonrpc.Raw)
	finished chan struct{} // closed when the connection has ended

	following sync.Mutex // held over a Follow: streams begin in the order of their ids

	mu      sync.Mutex
	last    int64
	pending map[string]*pending // by id
	streams map[string]*Stream  // by execution
	cause   error               // of the end; nil while it is open
}

// pending is a call without its answer.
type pending struct {
	reply  chan *jsonrpc.Message // of capacity 1
	stream *Stream               // of an execute with stream
}

// Dial connects to a server. ctx bounds the handshake.
// Errors: *websocket.HandshakeError when the server refuses.
func Dial(ctx context.Context, url string, o Options) (*Client, error) {
	header := o.Header.Clone()
	if o.Key != "" {
		if header == nil {
			header = http.Header{}
		}
		header.Set("Authorization", "Bearer "+o.Key)
	}
	conn, err := websocket.Dial(ctx, url, websocket.DialOptions{Options: o.WebSocket, Header: header})
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", url, err)
	}
	c := &Client{
		conn: conn, notify: o.OnNotification, finished: make(chan struct{}),
		pending: make(map[string]*pending), streams: make(map[string]*Stream),
	}
	if c.notify == nil {
		c.notify = func(string, jsonrpc.Raw) {}
	}
	conn.Start((*receiver)(c))
	return c, nil
}

// closeTimeout bounds the farewell of Close.
const closeTimeout = 5 * time.Second

// Close ends the connection and waits for that. Sessions and executions live
// on.
func (c *Client) Close() error {
	c.conn.CloseWith(websocket.CodeNormal, "")
	select {
	case <-c.finished:
	case <-time.After(closeTimeout):
		c.conn.Abort(ErrClosed)
		<-c.finished
	}
	return nil
}

// Done is closed when the connection has ended; Err says why then.
func (c *Client) Done() <-chan struct{} { return c.finished }

// Err is why the connection ended, nil while it is open. In its chain is a
// *websocket.CloseError.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Call makes a call and decodes its result into result, which may be nil. When
// ctx ends first the call goes on at the server and its reply is dropped.
// Errors: a *jsonrpc.Error in the chain when the server refused; ErrClosed;
// ctx's cause.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	id, p, err := c.begin(nil)
	if err != nil {
		return err
	}
	if err := c.send(id, method, params); err != nil {
		c.drop(id)
		return err
	}
	m, err := c.await(ctx, id, p)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return decodeReply(method, m, result)
}

// Notify sends a call whose outcome nobody wants to know.
func (c *Client) Notify(method string, params any) error {
	if err := c.Err(); err != nil {
		return err
	}
	b, err := jsonrpc.AppendNotification(nil, method, params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	c.conn.Reply(func(dst []byte) []byte { return append(dst, b...) })
	return nil
}

// begin makes the place for the answer of a call.
func (c *Client) begin(s *Stream) (id string, p *pending, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return "", nil, c.cause
	}
	c.last++
	if s != nil {
		s.order = c.last
	}
	id = strconv.FormatInt(c.last, 10)
	p = &pending{reply: make(chan *jsonrpc.Message, 1), stream: s}
	c.pending[id] = p
	return id, p, nil
}

func (c *Client) send(id, method string, params any) error {
	b, err := jsonrpc.AppendRequest(nil, jsonrpc.ID(id), method, params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	c.conn.Reply(func(dst []byte) []byte { return append(dst, b...) })
	return nil
}

func (c *Client) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

func (c *Client) await(ctx context.Context, id string, p *pending) (*jsonrpc.Message, error) {
	select {
	case m := <-p.reply:
		if m == nil {
			return nil, c.Err()
		}
		return m, nil
	case <-ctx.Done():
		c.drop(id)
		return nil, context.Cause(ctx)
	}
}

func decodeReply(method string, m *jsonrpc.Message, result any) error {
	if m.Err != nil {
		return fmt.Errorf("%s: %w", method, m.Err)
	}
	if result == nil {
		return nil
	}
	if err := decode(m.Result, result); err != nil {
		return fmt.Errorf("%s: result: %w", method, err)
	}
	return nil
}

// IsCode reports whether the server refused a call with that code.
func IsCode(err error, code jsonrpc.Code) bool {
	var e *jsonrpc.Error
	return errors.As(err, &e) && e.Code == code
}
