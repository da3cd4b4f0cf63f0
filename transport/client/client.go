package client

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Client speaks to one server. Its methods are safe for concurrent use.
type Client struct {
	url      string
	address  string // the url with what the client says of itself
	options  Options
	hub      *websocket.Hub
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	work     sync.WaitGroup // goroutines of this client
	finished chan struct{}  // closed when the client has ended
	ending   sync.Once

	mu       sync.Mutex
	main     *link         // for calls; it may have ended
	changed  chan struct{} // closed when main or cause changes
	idle     []*link       // of executions that have completed
	attached map[string]bool
	closed   bool
	cause    error // of the end; nil before
}

// Dial connects to a server. ctx bounds the handshake. The caller must Close
// the client.
// Errors: *websocket.HandshakeError when the server refuses, as ErrUnauthorized
// with HTTP 401.
func Dial(ctx context.Context, address string, o Options) (*Client, error) {
	c := &Client{
		url: address, options: o.withDefaults(), finished: make(chan struct{}),
		changed: make(chan struct{}), attached: make(map[string]bool),
	}
	c.address = addressOf(address, c.options.MaxMessageBytes)
	c.hub = websocket.NewHub(c.options.WebSocket)
	l, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.main = l
	l.setNotify(c.notifier(l))
	l.conn.Start(l)
	c.work.Go(func() { c.supervise(l) })
	return c, nil
}

// addressOf adds to a URL what messages the client takes, if it does not say so
// itself. One that is none is left to the handshake to refuse.
func addressOf(address string, most int) string {
	u, err := url.Parse(address)
	if err != nil || u.Query().Has(protocol.MaxMessageMember) {
		return address
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += protocol.MaxMessageMember + "=" + strconv.Itoa(most)
	return u.String()
}

// dial makes a connection that has not started.
func (c *Client) dial(ctx context.Context) (*link, error) {
	conn, err := websocket.Dial(ctx, c.address, websocket.DialOptions{Hub: c.hub, Header: c.options.Header})
	if err != nil {
		return nil, dialError(c.url, err)
	}
	return newLink(conn, func(*jsonrpc.Message) {}), nil
}

// closeTimeout bounds the farewell of Close.
const closeTimeout = 5 * time.Second

// Close ends the client and waits for that. Sessions and executions live on.
// It may be called more than once, and not by a handler of Options.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	main, idle := c.main, c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, l := range append(idle, main) {
		l.conn.CloseWith(websocket.CodeNormal, "")
	}
	c.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.hub.Shutdown(ctx, "") // what does not end in time is cut
	c.work.Wait()
	return nil
}

// Done is closed when the client has ended; Err says why then.
func (c *Client) Done() <-chan struct{} { return c.finished }

// Err is why the client ended, nil before. In its chain are ErrClosed and,
// after Close, a *websocket.CloseError.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// end is the end of the client.
func (c *Client) end(why error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = fmt.Errorf("%w: %w", ErrClosed, why)
		close(c.changed)
	}
	c.mu.Unlock()
	c.ending.Do(func() { close(c.finished) })
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// orEnd is the end of the client when Close was called, otherwise err.
func (c *Client) orEnd(err error) error {
	if !c.isClosed() {
		return err
	}
	<-c.finished
	return c.Err()
}

// spawn runs f on a goroutine that Close waits for. False: it was closed.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Go(f)
	return true
}

// connection waits for the connection that serves calls.
// Errors: ErrClosed; ctx's cause.
func (c *Client) connection(ctx context.Context) (*link, error) {
	for {
		c.mu.Lock()
		l, cause, changed := c.main, c.cause, c.changed
		c.mu.Unlock()
		if cause != nil {
			return nil, cause
		}
		if l.err() == nil {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// notifier takes the notifications of a connection for calls.
func (c *Client) notifier(l *link) func(*jsonrpc.Message) {
	return func(m *jsonrpc.Message) {
		if m.Method == protocol.NotifyClosed {
			var p protocol.SessionEnded
			if decode(m.Params, &p) == nil {
				c.forget(p.SessionID)
			}
		}
		c.options.OnNotification(m.Method, m.Params)
	}
}
