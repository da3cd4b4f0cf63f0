package transport

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits of HTTP itself: a client that trickles is cut, and a
// flood of headers gets 431.
const (
	headerTimeout = 5 * time.Second
	headerBytes   = 32 << 10
	idleTimeout   = 2 * time.Minute
)

func (s *Server) newHTTP() *http.Server {
	return &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: s.options.HeaderTimeout,
		MaxHeaderBytes:    headerBytes,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Handler serves every path. Serve uses it; tests do without a listener.
func (s *Server) Handler() http.Handler { return s.http.Handler }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, door := range s.options.Doors {
		door.Handle(mux, s.gate)
	}
	mux.Handle("GET /metrics", s.keyed(RoleMetrics, s.metrics.handler()))
	s.handleHealth(mux)
	if s.options.Page != nil {
		mux.Handle("GET /", s.options.Page)
	}
	return s.guarded(mux)
}

// guarded lets no request pass that a browser may have been tricked into, nor
// one with a key in its query string.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if reason := s.guard.refuse(r); reason != "" {
			http.Error(w, reason, http.StatusForbidden)
			return
		}
		if hasQueryKey(r) {
			s.gate.refuse(w, r, "a key in the query string is refused: send Authorization: Bearer KEY")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// keyed asks for a key with a role.
func (s *Server) keyed(role Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.gate.Enter(w, r, role); !ok {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// health is the body of the health endpoints.
type health struct {
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Version string `json:"version"`
}

// handleHealth serves /healthz and /readyz, and the names an older
// implementation used for them.
func (s *Server) handleHealth(mux *http.ServeMux) {
	for _, path := range []string{"/healthz", "/health", "/health/live", "/health/startup"} {
		mux.HandleFunc("GET "+path, s.serveAlive)
	}
	for _, path := range []string{"/readyz", "/health/ready"} {
		mux.HandleFunc("GET "+path, s.serveReady)
	}
}

func (s *Server) serveAlive(w http.ResponseWriter, _ *http.Request) {
	s.writeHealth(w, http.StatusOK, health{Status: "ok"})
}

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if reason := s.notReady(); reason != "" {
		s.writeHealth(w, http.StatusServiceUnavailable, health{Status: "not ready", Reason: reason})
		return
	}
	s.writeHealth(w, http.StatusOK, health{Status: "ready"})
}

// notReady says why no session could be created, "" when one could.
func (s *Server) notReady() string {
	switch {
	case s.draining.Load():
		return "the server is shutting down"
	case !s.sessions.Serves():
		return "no runtime is available: `runtime.list` and `codebeaker doctor` say why and what to do"
	case s.options.Ready != nil:
		if err := s.options.Ready(); err != nil {
			s.log.Warn("not ready", "error", err)
			if reason := NotReady(""); errors.As(err, &reason) {
				return string(reason)
			}
			return "the server cannot take sessions: its log has the error, under \"not ready\""
		}
	}
	return ""
}

func (s *Server) writeHealth(w http.ResponseWriter, status int, h health) {
	h.Version = s.options.Version
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h)
}

// addressLimiter is a listener that closes connections over a number of them
// from one address. Loopback is not counted: behind a proxy
// on this machine everybody has its address.
type addressLimiter struct {
	net.Listener
	limit int

	mu   sync.Mutex
	open map[netip.Addr]int
}

func limitAddresses(l net.Listener, limit int) net.Listener {
	if limit < 0 {
		return l
	}
	return &addressLimiter{Listener: l, limit: limit, open: make(map[netip.Addr]int)}
}

// Accept returns the next connection that may stay.
func (l *addressLimiter) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return c, nil
		}
		at, err := netip.ParseAddrPort(c.RemoteAddr().String())
		if err != nil || at.Addr().Unmap().IsLoopback() {
			return c, nil
		}
		if from := at.Addr(); l.enter(from) {
			return &countedConn{TCPConn: tcp, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.Close()
	}
}

func (l *addressLimiter) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from] >= l.limit {
		return false
	}
	l.open[from]++
	return true
}

func (l *addressLimiter) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from]--; l.open[from] <= 0 {
		delete(l.open, from)
	}
}

// countedConn keeps the methods of a TCP connection, its socket among them,
// which the WebSocket reads from directly.
type countedConn struct {
	*net.TCPConn
	leave func()
}

// Close closes and uncounts the connection.
func (c *countedConn) Close() error {
	c.leave()
	return c.TCPConn.Close()
}
