package transport

import (
	"encoding/json"
	"net/http"
)

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
