package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/transport/audit"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// Door is one way by which clients reach the sessions: a protocol at its paths.
// Doors do not know of each other, nor the server what they speak.
type Door interface {
	// Handle adds the door's paths. It is called once, before the server serves.
	// Each request has passed the guard against other sites; who it is from the
	// gate says.
	Handle(mux *http.ServeMux, gate *Gate)
	// Running is how many commands its clients wait for.
	Running() int64
	// Shutdown tells its clients that the server ends, and ends what they have
	// open. The sessions have ended before.
	Shutdown(ctx context.Context) error
}

// Options of a Server. Sessions is required; other zero values have defaults.
type Options struct {
	Sessions *sessions.Local
	Doors    []Door
	Keys     *Keys        // nil has none
	NoKeys   bool         // nobody needs a key, on any address
	Audit    *audit.Log   // nil keeps nothing
	Metrics  *Metrics     // nil makes one; give the actors the same as Observer
	Logger   *slog.Logger // nil discards
	Version  string       // of the server; "" means "dev"

	// ConnectionsPerAddress bounds the connections from one address, loopback
	// too. Zero means DefaultConnections; negative, any number.
	ConnectionsPerAddress int
	// Connections bounds those from all addresses, for each takes a descriptor.
	// Zero is any number.
	Connections int
	// AllowedHosts and AllowedOrigins are let in besides the server's own,
	// compared exactly: "host" or "host:port", and "https://site.example".
	AllowedHosts, AllowedOrigins []string

	// Ready says why the server cannot take sessions now, for /readyz: a NotReady
	// as it is, of any other error that the log has it. Nil is always ready.
	Ready func() error
	// Page serves "/". Nil answers 404.
	Page http.Handler
	// DrainTimeout is how long Shutdown lets running commands go on. Zero
	// ends them at once.
	DrainTimeout time.Duration

	// HeaderTimeout bounds how long the headers of a request may take. Zero means
	// 5 s.
	HeaderTimeout time.Duration
}

// NotReady is a sentence for the operator, who may read it without the log: what
// is short and by how much. It names no file of the server.
type NotReady string

// Error is the sentence.
func (n NotReady) Error() string { return string(n) }

// Server serves the sessions of a machine at one address, through its doors. Its
// methods are safe for concurrent use.
type Server struct {
	options  Options
	sessions *sessions.Local
	log      *slog.Logger
	metrics  *Metrics
	gate     *Gate
	guard    *originGuard
	http     *http.Server

	draining atomic.Bool
	once     sync.Once
	stopped  chan struct{} // closed when Shutdown is done
	err      error         // of Shutdown
}

// DefaultConnections is how many connections one address may have.
const DefaultConnections = 16384

// New makes a server. It does nothing before Serve.
func New(o Options) *Server {
	o.setDefaults()
	s := &Server{
		options: o, sessions: o.Sessions, log: o.Logger, metrics: o.Metrics,
		gate:    newGate(o.Keys, o.NoKeys, o.Metrics, o.Audit),
		guard:   newOriginGuard(o.AllowedHosts, o.AllowedOrigins),
		stopped: make(chan struct{}),
	}
	s.metrics.watch(s.sessions)
	s.http = s.newHTTP()
	return s
}

func (o *Options) setDefaults() {
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = headerTimeout
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.ConnectionsPerAddress == 0 {
		o.ConnectionsPerAddress = DefaultConnections
	}
}

// Serve serves the listener until Shutdown has ended, or until ctx ends, which
// begins one with a minute to do it in. It closes the listener.
// Errors: a public address without keys; what Shutdown returned.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	addr := l.Addr().String()
	if err := CheckListen(addr, s.options.Keys, s.options.NoKeys); err != nil {
		_ = l.Close()
		return err
	}
	host, _, _ := net.SplitHostPort(addr)
	s.gate.loopback.Store(isLoopback(host))
	stop := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		_ = s.Shutdown(late)
	})
	defer stop()
	err := s.http.Serve(limitConnections(l, s.options.ConnectionsPerAddress, s.options.Connections))
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
	s.sessions.Drain()
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
	err := s.sessions.Shutdown(ctx)
	for _, door := range s.options.Doors {
		err = errors.Join(err, door.Shutdown(ctx))
	}
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
	for s.busy() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// busy reports whether a command runs, or a client waits for one.
func (s *Server) busy() bool {
	return s.sessions.Running() > 0 || slices.ContainsFunc(s.options.Doors, func(d Door) bool { return d.Running() > 0 })
}
