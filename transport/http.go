package transport

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
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
	case s.options.Audit.Err() != nil:
		return "the audit log cannot be written: the log of the server says why"
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
