package transport

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Limits of HTTP itself: a client that trickles is cut, and a
// flood of headers gets 431.
const (
	headerTimeout = 5 * time.Second
	headerBytes   = 32 << 10
	bodyTimeout   = 60 * time.Second // of a whole POST
	replyTimeout  = 30 * time.Second // for writing its answer
	idleTimeout   = 2 * time.Minute
)

func (s *Server) newHTTP() *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.options.headerTimeout,
		MaxHeaderBytes:    headerBytes,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Handler serves every endpoint. Serve uses it; tests do without a listener.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws/jsonrpc", s.serveWebSocket)
	mux.HandleFunc("POST /rpc", s.servePost)
	mux.Handle("GET /metrics", s.keyed(s.metrics.handler()))
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
			s.unauthorized(w, r, "a key in the query string is refused: send Authorization: Bearer KEY")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// keyed asks for a key.
func (s *Server) keyed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.authenticate(r); !ok {
			s.unauthorized(w, r, missingKey)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const missingKey = "a valid key is needed: send Authorization: Bearer KEY"

// unauthorized answers 401; over POST /rpc with a reply too.
func (s *Server) unauthorized(w http.ResponseWriter, r *http.Request, reason string) {
	s.metrics.refusedKeys.Inc()
	w.Header().Set("WWW-Authenticate", `Bearer realm="codebeaker"`)
	if r.URL.Path == "/rpc" {
		writeReply(w, http.StatusUnauthorized, jsonrpc.Errorf(protocol.Unauthorized, "%s", reason))
		return
	}
	http.Error(w, reason, http.StatusUnauthorized)
}

func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	owner, ok := s.authenticate(r)
	if !ok {
		s.unauthorized(w, r, missingKey)
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is a WebSocket: send Upgrade: websocket", http.StatusUpgradeRequired)
		return
	}
	most, err := s.maxMessageOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c, err := s.hub.Upgrade(w, r, websocket.UpgradeOptions{Protocol: acceptProtocol(subprotocols(r))})
	if err != nil {
		s.log.Debug("upgrade refused", "error", err)
		return
	}
	// The request's context ends with this handler; the connection does not.
	cn := s.newConnection(s.base, owner)
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
		return len(p) > len(bearerProtocol) && p[:len(bearerProtocol)] == bearerProtocol
	}
}

// servePost answers the requests of a body, one reply a line.
func (s *Server) servePost(w http.ResponseWriter, r *http.Request) {
	owner, ok := s.authenticate(r)
	if !ok {
		s.unauthorized(w, r, missingKey)
		return
	}
	most, err := s.maxMessageOf(r)
	if err != nil {
		writeReply(w, http.StatusBadRequest, errorOf(err))
		return
	}
	body, ok := s.readBody(w, r)
	if !ok {
		return
	}
	cn := s.newConnection(r.Context(), owner)
	defer cn.end(errPostEnded)
	defer context.AfterFunc(s.base, func() { cn.cancel(context.Cause(s.base)) })()
	lines := jsonrpc.NewLines()
	cn.outlet = lines
	cn.bound(most)
	s.parser.Parse(body, lines, cn.parse)
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

// errPostEnded is the end of a POST's connection.
var errPostEnded = errors.New("the request has been answered")

// readBody reads a body of at most the size of a message, within bodyTimeout.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	limit := int64(s.options.WebSocket.MessageBytes)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	_ = control.SetReadDeadline(time.Time{})
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		writeReply(w, http.StatusRequestEntityTooLarge, errorOf(&tooLargeError{Member: "the message", Limit: limit}))
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
	case len(s.registry.Served()) == 0:
		return "no runtime is available: `runtime.list` and `codebeaker doctor` say why and what to do"
	case s.options.Ready != nil:
		if err := s.options.Ready(); err != nil {
			s.log.Warn("not ready", "error", err)
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
