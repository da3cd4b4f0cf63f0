package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Options of a Server. System and Registry are required; other zero values have
// defaults.
type Options struct {
	System   *actors.System
	Registry *runtimes.Registry
	Policy   Policy
	Keys     *Keys        // nil has none
	Pools    Pools        // nil: every pool is empty
	Metrics  *Metrics     // nil makes one; give the System the same as Observer
	Logger   *slog.Logger // nil discards
	Version  string       // of the server; "" means "dev"

	// WebSocket are the limits of connections; their MessageBytes bounds a
	// POST too.
	WebSocket websocket.Options
	// BatchLimit is the largest number of members of a batch. Zero means 50.
	BatchLimit int
	// InFlight bounds the calls of one connection that are not answered. Zero
	// means 1024.
	InFlight int
	// ConnectionsPerAddress bounds the connections from one address that is
	// not loopback. Zero means DefaultConnections; negative, none.
	ConnectionsPerAddress int
	// AllowedHosts and AllowedOrigins are let in besides the server's own,
	// compared exactly: "host" or "host:port", and "https://site.example".
	AllowedHosts, AllowedOrigins []string

	// What the System was given, for initialize. Zeros mean its defaults.
	MaxSessions, QueueLength, OutputBytes int

	// Ready says why the server cannot take sessions now, for /readyz. Nil is
	// always ready.
	Ready func() error
	// Page serves "/". Nil answers 404.
	Page http.Handler
	// DrainTimeout is how long Shutdown lets running commands go on. Zero
	// ends them at once.
	DrainTimeout time.Duration

	headerTimeout time.Duration // of tests; zero means the constant
}

// Pools counts the ready environments of a runtime.
type Pools interface {
	Pool(t runtimes.Type) (warm, target int)
}

// Server serves one System. Its methods are safe for concurrent use.
type Server struct {
	options  Options
	system   *actors.System
	registry *runtimes.Registry
	log      *slog.Logger
	metrics  *Metrics
	convert  converter
	parser   jsonrpc.Parser
	methods  map[string]*method
	document jsonrpc.Raw // of rpc.discover
	guard    *originGuard
	hub      *websocket.Hub
	http     *http.Server

	loopback atomic.Bool // without keys nobody needs one
	draining atomic.Bool
	running  atomic.Int64    // calls of session.execute
	base     context.Context // of all connections
	cut      context.CancelCauseFunc
	once     sync.Once
	stopped  chan struct{} // closed when Shutdown is done
	err      error         // of Shutdown
}

const defaultInFlight = 1024

// DefaultConnections is how many connections one address may have.
const DefaultConnections = 16384

// New makes a server. It does nothing before Serve.
// Errors: a policy that cannot be.
func New(o Options) (*Server, error) {
	if err := o.Policy.Check(); err != nil {
		return nil, err
	}
	o.setDefaults()
	s := &Server{
		options: o, system: o.System, registry: o.Registry, log: o.Logger, metrics: o.Metrics,
		guard:   newOriginGuard(o.AllowedHosts, o.AllowedOrigins),
		stopped: make(chan struct{}),
	}
	s.options.WebSocket.Oversize = s.oversize
	s.hub = websocket.NewHub(s.options.WebSocket)
	s.convert = converter{policy: o.Policy, served: func() []string { return languageNames(s.registry.Served()) }}
	s.parser = jsonrpc.Parser{BatchLimit: o.BatchLimit, OnReject: s.metrics.rejected}
	s.base, s.cut = context.WithCancelCause(context.Background())
	if err := s.tables(); err != nil {
		return nil, err
	}
	s.metrics.watch(s)
	s.http = s.newHTTP()
	return s, nil
}

func (o *Options) setDefaults() {
	o.Policy = o.Policy.withDefaults()
	setDefault(&o.headerTimeout, headerTimeout)
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
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
		{&o.WebSocket.MessageBytes, websocket.DefaultMessageBytes}, {&o.BatchLimit, jsonrpc.DefaultBatch}, {&o.InFlight, defaultInFlight},
		{&o.ConnectionsPerAddress, DefaultConnections}, {&o.MaxSessions, actors.DefaultSessions},
		{&o.QueueLength, actors.DefaultQueueLength}, {&o.OutputBytes, actors.DefaultOutputBytes},
	} {
		if *d.v == 0 {
			*d.v = d.zero
		}
	}
}

// tables makes what follows from the table of methods.
func (s *Server) tables() (err error) {
	if s.methods, err = methodTable(); err != nil {
		return err
	}
	for _, m := range s.methods {
		m.counters = s.metrics.countersOf(m.Name)
	}
	s.document, err = encodeDocument(protocol.Discover(s.info()))
	return err
}

func (s *Server) info() protocol.Info {
	return protocol.Info{Name: "codebeaker", Version: s.options.Version}
}

func (s *Server) wireLimits() protocol.ServerLimits {
	o, p := &s.options, &s.options.Policy
	return protocol.ServerLimits{
		MessageBytes: o.WebSocket.MessageBytes, Batch: o.BatchLimit, Sessions: o.MaxSessions, Queue: o.QueueLength,
		InFlight: o.InFlight, FileBytes: p.MaxFileBytes, StdinBytes: p.MaxStdinBytes, OutputBytes: o.OutputBytes,
		Args: maxArgs, ArgumentBytes: maxArgumentBytes,
		IdleTimeoutMinutes: p.MaxIdleTimeout.Minutes(), MaxLifetimeMinutes: p.MaxLifetime.Minutes(),
		MemoryLimitMB: p.MaxMemoryMB, CPUs: p.MaxCPUs, ProcessLimit: p.MaxProcesses, DiskLimitMB: p.MaxDiskMB,
		TimeoutMs: p.MaxTimeout.Milliseconds(),
	}
}

// Serve serves the listener until Shutdown has ended, or until ctx ends, which
// begins one with a minute to do it in. It closes the listener.
// Errors: a public address without keys; what Shutdown returned.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	addr := l.Addr().String()
	if err := CheckListen(addr, s.options.Keys); err != nil {
		_ = l.Close()
		return err
	}
	host, _, _ := net.SplitHostPort(addr)
	s.loopback.Store(isLoopback(host))
	stop := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		_ = s.Shutdown(late)
	})
	defer stop()
	err := s.http.Serve(limitAddresses(l, s.options.ConnectionsPerAddress))
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", addr, err)
	}
	<-s.stopped
	return s.err
}

// shutdownTimeout is for a shutdown that the end of Serve's context began.
const shutdownTimeout = time.Minute

// Drain makes the server not ready and refuses creates from now on.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.system.Drain()
}

// Shutdown drains, ends the sessions and tells their clients, closes the
// connections with 1001 and then the listener. When ctx ends first, what is left
// is cut. Calls after the first wait for it.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(func() {
		defer close(s.stopped)
		s.err = s.shutdown(ctx)
	})
	<-s.stopped
	return s.err
}

func (s *Server) shutdown(ctx context.Context) error {
	s.Drain()
	s.awaitQuiet(ctx)
	err := s.system.Shutdown(ctx)
	s.cut(actors.ErrShuttingDown) // nobody waits for a directory that is gone
	err = errors.Join(err, s.hub.Shutdown(ctx, "the server is shutting down"))
	if late := s.http.Shutdown(ctx); late != nil {
		err = errors.Join(err, late, s.http.Close())
	}
	return err
}

// awaitQuiet waits until no command runs, also in the background, for DrainTimeout at most.
func (s *Server) awaitQuiet(ctx context.Context) {
	if s.options.DrainTimeout <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.DrainTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for s.running.Load() > 0 || s.system.Running() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// failure is the error of a reply. A defect of ours is logged and gets an id.
func (s *Server) failure(method string, err error) *jsonrpc.Error {
	if e := errorOf(err); e != nil {
		e.Message = shortened(e.Message)
		if e.Cause != nil {
			s.log.Warn("call failed", "method", method, "code", int(e.Code), "error", e.Cause)
		}
		return e
	}
	return s.internal("call failed", "method", method, "error", err)
}
