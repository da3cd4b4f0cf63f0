package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/budget"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Options of a Door. Sessions is required; other zero values have defaults.
type Options struct {
	Sessions *sessions.Local
	Metrics  *transport.Metrics // nil makes one
	Logger   *slog.Logger       // nil discards
	Version  string             // of the server; "" means "dev"

	// Budget bounds the memory of messages. Nil has no bound.
	Budget *budget.Budget
	// WebSocket are the limits of connections; their MessageBytes bounds a
	// POST too.
	WebSocket websocket.Options
	// BatchLimit is the largest number of members of a batch. Zero means 50.
	BatchLimit int
	// InFlight bounds the calls of one connection that are not answered. Zero
	// means 1024.
	InFlight int

	// MessagesPerSecond bounds the calls, notifications and malformed messages of
	// one connection: over it the connection is read more slowly. Zero does not.
	MessagesPerSecond float64

	// What the sessions' actors were given, for initialize. Zeros mean their
	// defaults.
	MaxSessions, QueueLength, OutputBytes int
}

const defaultInFlight = 1024

// Door serves JSON-RPC over WebSocket at /ws/jsonrpc and over HTTP at /rpc. It is
// a transport.Door. Its methods are safe for concurrent use.
type Door struct {
	options  Options
	sessions *sessions.Local
	log      *slog.Logger
	metrics  *metrics
	parser   jsonrpc.Parser
	methods  map[string]*method
	document jsonrpc.Raw // of rpc.discover
	hub      *websocket.Hub
	gate     *transport.Gate // set by Handle

	running atomic.Int64    // calls of session.execute
	heavy   chan struct{}   // a token for each that works on something large
	base    context.Context // of all connections
	cut     context.CancelCauseFunc
}

var _ transport.Door = (*Door)(nil)

// New makes a door. It serves once it has been given to a transport.Server.
func New(o Options) (*Door, error) {
	o.setDefaults()
	d := &Door{options: o, sessions: o.Sessions, log: o.Logger}
	d.options.WebSocket.Oversize = d.oversize
	d.hub = websocket.NewHub(d.options.WebSocket)
	d.metrics = newMetrics(o.Metrics, d.hub, o.Budget)
	d.heavy = make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1))
	d.parser = jsonrpc.Parser{BatchLimit: o.BatchLimit}
	d.base, d.cut = context.WithCancelCause(context.Background())
	return d, d.tables()
}

// NewServer makes a server with this door, besides those that s has. It gets the
// sessions, metrics, logger and version of the door.
func NewServer(o Options, s transport.Options) (*transport.Server, error) {
	if o.Metrics == nil {
		o.Metrics = transport.NewMetrics()
	}
	door, err := New(o)
	if err != nil {
		return nil, err
	}
	s.Sessions, s.Metrics, s.Logger, s.Version = o.Sessions, o.Metrics, o.Logger, o.Version
	s.Doors = append(s.Doors, door)
	return transport.New(s), nil
}

func (o *Options) setDefaults() {
	if o.Metrics == nil {
		o.Metrics = transport.NewMetrics()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.WebSocket.Logger == nil {
		o.WebSocket.Logger = o.Logger
	}
	for _, d := range []struct {
		v    *int
		zero int
	}{
		{&o.WebSocket.MessageBytes, websocket.DefaultMessageBytes}, {&o.WebSocket.MessageRate, websocket.DefaultMessageRate}, {&o.BatchLimit, jsonrpc.DefaultBatch},
		{&o.InFlight, defaultInFlight}, {&o.MaxSessions, actors.DefaultSessions},
		{&o.QueueLength, actors.DefaultQueueLength}, {&o.OutputBytes, actors.DefaultOutputBytes},
	} {
		if *d.v == 0 {
			*d.v = d.zero
		}
	}
}

// tables makes what follows from the table of methods.
func (d *Door) tables() (err error) {
	if d.methods, err = methodTable(); err != nil {
		return err
	}
	for _, m := range d.methods {
		m.counters = d.metrics.countersOf(m.Name)
	}
	d.document, err = encodeDocument(protocol.Discover(d.info()))
	return err
}

func (d *Door) info() protocol.Info {
	return protocol.Info{Name: "codebeaker", Version: d.options.Version}
}

func (d *Door) wireLimits() protocol.ServerLimits {
	o, p := &d.options, d.sessions.Policy()
	return protocol.ServerLimits{
		MessageBytes: o.WebSocket.MessageBytes, Batch: o.BatchLimit, Sessions: o.MaxSessions, Queue: o.QueueLength,
		InFlight: o.InFlight, FileBytes: p.MaxFileBytes, StdinBytes: p.MaxStdinBytes, OutputBytes: o.OutputBytes,
		Args: sessions.MaxArgs, ArgumentBytes: sessions.MaxArgumentBytes,
		IdleTimeoutMinutes: p.MaxIdleTimeout.Minutes(), MaxLifetimeMinutes: p.MaxLifetime.Minutes(),
		MemoryLimitMB: p.MaxMemoryMB, CPUs: p.MaxCPUs, ProcessLimit: p.MaxProcesses, DiskLimitMB: p.MaxDiskMB,
		TimeoutMs: p.MaxTimeout.Milliseconds(),
	}
}

// Handle is transport.Door's.
func (d *Door) Handle(mux *http.ServeMux, gate *transport.Gate) {
	d.gate = gate
	gate.RefuseWith("/rpc", func(w http.ResponseWriter, status int, reason string) {
		writeReply(w, status, jsonrpc.Errorf(protocol.Unauthorized, "%s", reason))
	})
	mux.HandleFunc("GET /ws/jsonrpc", d.serveWebSocket)
	mux.HandleFunc("POST /rpc", d.servePost)
}

// heavily does what takes a processor for milliseconds, as others do it, at most
// half of the processors at once: the rest is for what is small.
func (d *Door) heavily(do func()) {
	d.heavy <- struct{}{}
	defer func() { <-d.heavy }()
	do()
}

// Running is transport.Door's: how many commands have not been answered.
func (d *Door) Running() int64 { return d.running.Load() }

// Shutdown is transport.Door's: it closes the connections with 1001.
func (d *Door) Shutdown(ctx context.Context) error {
	d.cut(sessions.ErrShuttingDown) // nobody waits for sessions that are gone
	return d.hub.Shutdown(ctx, "the server is shutting down")
}

func (d *Door) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	client, ok := d.gate.Enter(w, r, transport.RoleUser)
	if !ok {
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is a WebSocket: send Upgrade: websocket", http.StatusUpgradeRequired)
		return
	}
	most, err := d.maxMessageOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// The request's context ends with this handler; the connection does not.
	cn := d.newConnection(d.base, client)
	if !cn.admit(r) {
		refuseBusy(w, cn.noRoom(budget.Connections))
		cn.end(errNoRoom)
		return
	}
	c, err := d.hub.Upgrade(w, r, websocket.UpgradeOptions{Protocol: acceptProtocol(transport.Subprotocols(r))})
	if err != nil {
		d.log.Debug("upgrade refused", "error", err)
		cn.end(err)
		return
	}
	cn.ws, cn.outlet = c, c
	cn.bound(most)
	c.Charge(cn.account)
	c.Start(cn)
}

// plainProtocol is the subprotocol for clients that want one answered.
const plainProtocol = "codebeaker"

// acceptProtocol picks the subprotocol to answer: a browser fails when it
// offered some and none is answered. The one that holds the key comes last.
func acceptProtocol(offered []string) func(string) bool {
	plain := false
	for _, p := range offered {
		plain = plain || p == plainProtocol
	}
	return func(p string) bool {
		if plain {
			return p == plainProtocol
		}
		return strings.HasPrefix(p, transport.BearerProtocol) && p != transport.BearerProtocol
	}
}

// Limits of a POST.
const (
	bodyTimeout  = 30 * time.Second // by which its body may fall behind the rate of messages
	replyTimeout = 30 * time.Second // likewise its answer
	postPiece    = 32 << 10         // about what is read, and written, at a time
)

// The ends of connections that were none.
var (
	errPostEnded = errors.New("the request has been answered")
	errNoRoom    = errors.New("there is no room for the connection")
)

// refuseBusy answers a request for which there is no room.
func refuseBusy(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "1")
	writeReply(w, http.StatusServiceUnavailable, errorOf(err))
}

// servePost answers the requests of a body, one reply a line.
func (d *Door) servePost(w http.ResponseWriter, r *http.Request) {
	client, ok := d.gate.Enter(w, r, transport.RoleUser)
	if !ok {
		return
	}
	most, err := d.maxMessageOf(r)
	if err != nil {
		writeReply(w, http.StatusBadRequest, errorOf(err))
		return
	}
	cn := d.newConnection(r.Context(), client)
	defer cn.end(errPostEnded)
	if !cn.admit(r) {
		refuseBusy(w, cn.noRoom(budget.Connections))
		return
	}
	cn.body = &budget.Hold{}
	body, ok := cn.readBody(w, r)
	if !ok {
		return
	}
	defer context.AfterFunc(d.base, func() { cn.cancel(context.Cause(d.base)) })()
	lines := jsonrpc.NewLines()
	cn.outlet = lines
	cn.bound(most)
	cn.receive(body, lines)
	body = nil
	cn.body.Release()
	replies, err := lines.Wait(r.Context())
	if err != nil {
		lines.Abandon() // the client has left
		return
	}
	defer replies.Release()
	if replies.Size() == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	replies.JSON([]byte{'\n'})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(replies.Size()))
	d.writeLarge(w, replies)
}

// writeLarge writes an answer piece by piece, as fast as its client takes it, but
// not slower than the rate of messages.
func (d *Door) writeLarge(w http.ResponseWriter, m *jsonrpc.Large) {
	control := http.NewResponseController(w)
	for end, piece := time.Now().Add(replyTimeout), []byte(nil); ; {
		if piece = m.Append(piece[:0], postPiece); len(piece) == 0 {
			return
		}
		end = d.patience(end, len(piece))
		_ = control.SetWriteDeadline(end)
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// patience is until when a client may take for n more bytes of a message, when it
// had until end for those before.
func (d *Door) patience(end time.Time, n int) time.Time {
	end = end.Add(time.Duration(n) * time.Second / time.Duration(d.options.WebSocket.MessageRate))
	if most := time.Now().Add(replyTimeout); end.After(most) {
		return most
	}
	return end
}

// readBody reads a body of at most the size of a message. What is larger than
// FreeBytes is read when there is room for it.
func (cn *connection) readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	d := cn.door
	limit := int64(d.options.WebSocket.MessageBytes)
	body := &bodyReader{
		from: http.MaxBytesReader(w, r.Body, limit), conn: cn, control: http.NewResponseController(w),
		end: time.Now().Add(bodyTimeout),
	}
	read, err := body.all(r.ContentLength, limit)
	_ = body.control.SetReadDeadline(time.Time{})
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		writeReply(w, http.StatusRequestEntityTooLarge, tooLargeReply("the message", limit))
		return nil, false
	}
	if busy := (*actors.BusyError)(nil); errors.As(err, &busy) {
		refuseBusy(w, err)
		return nil, false
	}
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return nil, false
	}
	return read, true
}

// bodyReader reads the body of a POST.
type bodyReader struct {
	from    io.Reader
	conn    *connection
	control *http.ResponseController
	end     time.Time
}

// all reads all. length is what the request says, -1 when it does not.
func (b *bodyReader) all(length, limit int64) (read []byte, err error) {
	if length > limit {
		length = -1 // the reader refuses it
	}
	if err := b.reserve(length); err != nil {
		return nil, err
	}
	var piece [postPiece]byte
	for {
		_ = b.control.SetReadDeadline(b.end)
		n, err := b.from.Read(piece[:])
		if more := int64(len(read) + n); more > length {
			if late := b.reserve(more); late != nil {
				return nil, late
			}
		}
		if need := len(read) + n; need > cap(read) { // doubles, but ends at what was said
			size := max(need, min(2*need, int(length)))
			if length < 0 {
				size = 2 * need
			}
			read = slices.Grow(read, size-len(read))
		}
		read = append(read, piece[:n]...)
		b.end = b.conn.door.patience(b.end, n)
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// reserve takes room for a body of n bytes, and waits for it: for the first of it
// as long as it takes, then for a while, as others may wait for what it has.
func (b *bodyReader) reserve(n int64) error {
	account := b.conn.account
	if n <= budget.FreeBytes || account == nil {
		return nil
	}
	more := account.Fit(budget.Incoming, websocket.MessageCost*n) - b.conn.body.Bytes()
	if more <= 0 {
		return nil
	}
	if !account.Take(budget.Incoming, more) && !account.Ask(budget.Incoming, more).Wait(replyWait, b.conn.ctx.Done()) {
		return b.conn.noRoom(budget.Incoming)
	}
	*b.conn.body = account.Held(budget.Incoming, b.conn.body.Bytes()+more)
	return nil
}

// writeReply answers a POST that holds no request.
func writeReply(w http.ResponseWriter, status int, e *jsonrpc.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(jsonrpc.AppendError(nil, jsonrpc.Null, e), '\n'))
}
