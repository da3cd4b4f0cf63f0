package websocket

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/codebeaker/codebeaker/transport/budget"
)

// Handler gets what comes from a connection. Its methods are called one at a
// time, by the goroutine that reads the connection: while one runs, nothing
// more is read, which is how a handler slows a client down.
type Handler interface {
	// OnMessage gets a whole message. msg may be changed and is valid during
	// the call only.
	OnMessage(c *Conn, msg []byte, binary bool)
	// OnClose is the last call and comes once. No source is pulled any more;
	// the closing handshake may still be under way.
	OnClose(c *Conn, err *CloseError)
}

// Conn is one WebSocket connection, of a server or of a client. Its methods are
// safe for concurrent use. It does nothing before Start.
type Conn struct {
	nc       net.Conn
	opts     *Options
	hub      *Hub // nil without one
	handler  Handler
	protocol string
	early    []byte // what came behind the handshake
	server   bool
	shard    uint8 // of the hub
	fragile  bool  // a write that times out ends it: TLS

	account *budget.Client // what its bytes are taken from; nil has no bound

	dec     decoder     // of the reader, like those below
	taken   int64       // of the account for the message that comes in
	pace    pace        // of the partial message
	timed   bool        // the read deadline is that of a partial message
	spoke   bool        // a message came since the last pong
	idle    bool        // none came between the last two pongs
	arrived atomic.Bool // a part of a message came since the last ping

	bound bound // of what is sent

	flusher  func()      // flush, made once: it starts often
	flushing atomic.Bool // a flusher runs
	closing  atomic.Bool // cause is set; changes under mu

	mu         sync.Mutex
	before     *backlog // what goes out before out; nil when nothing does
	charged    int64    // of the account, for out
	out        *buffer  // frames that wait; nil when none
	frames     Frames   // of the pull under way
	cause      *CloseError
	closeBy    time.Time
	sealed     bool // the close frame went out
	cut        bool // no closing handshake
	unanswered int  // pings

	readyMu sync.Mutex // a leaf: nothing is locked under it
	ready   feedQueue
}

// NewServer makes the server's side of a connection whose handshake is done.
func NewServer(nc net.Conn, o Options) *Conn { return newConn(nc, o.withDefaults(), true) }

// NewClient makes the client's side of a connection whose handshake is done.
func NewClient(nc net.Conn, o Options) *Conn { return newConn(nc, o.withDefaults(), false) }

func newConn(nc net.Conn, o *Options, server bool) *Conn {
	c := &Conn{nc: nc, opts: o, server: server}
	c.bound.oversize = o.Oversize
	c.flusher = c.flush
	_, c.fragile = nc.(*tls.Conn)
	c.dec.side = ws.StateClientSide
	if server {
		c.dec.side = ws.StateServerSide
	}
	c.dec.limit = int64(o.MessageBytes)
	return c
}

// Start begins to read, on a goroutine of its own. It is called once.
func (c *Conn) Start(h Handler) {
	c.handler = h
	if c.hub != nil {
		c.hub.add(c)
	}
	go c.run(newInput(c.nc))
}

// Charge makes the connection take the bytes of its messages from an account,
// before Start. What is larger than budget.FreeBytes is read when there is room
// for it, and not before.
func (c *Conn) Charge(to *budget.Client) { c.account = to }

// Protocol is the subprotocol of the handshake, "" without one.
func (c *Conn) Protocol() string { return c.protocol }

// RemoteAddr is the address of the other side.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// CloseWith begins the closing handshake: what is queued goes out, then a close
// frame with the code and the reason, which is cut to 123 bytes. OnClose
// follows. Only the first call counts, and none after the connection ended.
func (c *Conn) CloseWith(code uint16, reason string) {
	c.close(&CloseError{Code: code, Reason: cutReason(reason)}, politely)
}

// Abort ends the connection at once, without a handshake.
func (c *Conn) Abort(err error) { c.close(broken(err), atOnce) }
