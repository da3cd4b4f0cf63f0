package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport"
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
	methods  map[string]*method
	document jsonrpc.Raw // of rpc.discover
	hub      *websocket.Hub
	gate     *transport.Gate // set by Handle

	running atomic.Int64    // calls of session.execute
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
	d.metrics = newMetrics(o.Metrics, d.hub)
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
		{&o.WebSocket.MessageBytes, websocket.DefaultMessageBytes}, {&o.BatchLimit, jsonrpc.DefaultBatch},
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
	c, err := d.hub.Upgrade(w, r, websocket.UpgradeOptions{Protocol: acceptProtocol(transport.Subprotocols(r))})
	if err != nil {
		d.log.Debug("upgrade refused", "error", err)
		return
	}
	// The request's context ends with this handler; the connection does not.
	cn := d.newConnection(d.base, client)
	cn.ws, cn.outlet = c, c
	cn.bound(most)
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
	bodyTimeout  = 60 * time.Second // of all of it
	replyTimeout = 30 * time.Second // for writing its answer
)

// errPostEnded is the end of a POST's connection.
var errPostEnded = errors.New("the request has been answered")

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
	body, ok := d.readBody(w, r)
	if !ok {
		return
	}
	cn := d.newConnection(r.Context(), client)
	defer cn.end(errPostEnded)
	defer context.AfterFunc(d.base, func() { cn.cancel(context.Cause(d.base)) })()
	lines := jsonrpc.NewLines()
	cn.outlet = lines
	cn.bound(most)
	cn.receive(body, lines)
	replies, err := lines.Wait(r.Context())
	if err != nil {
		return // the client has left
	}
	if len(replies) == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replyTimeout))
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(replies, '\n'))
}

// readBody reads a body of at most the size of a message, within bodyTimeout.
func (d *Door) readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	limit := int64(d.options.WebSocket.MessageBytes)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	_ = control.SetReadDeadline(time.Time{})
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		writeReply(w, http.StatusRequestEntityTooLarge, tooLargeReply("the message", limit))
		return nil, false
	}
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return nil, false
	}
	return body, true
}

// writeReply answers a POST that holds no request.
func writeReply(w http.ResponseWriter, status int, e *jsonrpc.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(jsonrpc.AppendError(nil, jsonrpc.Null, e), '\n'))
}
