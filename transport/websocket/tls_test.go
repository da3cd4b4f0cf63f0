package websocket

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A write to TLS that timed out cannot be taken up again: the client is cut.
func TestStalledConsumerBehindTLSIsCut(t *testing.T) {
	hub := NewHub(Options{StallTimeout: 100 * time.Millisecond})
	h := newEcho()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := hub.Upgrade(w, r, UpgradeOptions{}); err == nil {
			c.Start(h)
			c.Attach(newEndless()).Wake()
		}
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	// The client is never started, so that it reads nothing.
	c, err := Dial(context.Background(), "wss://"+s.Listener.Addr().String(),
		DialOptions{TLS: &tls.Config{RootCAs: roots, ServerName: "example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.nc.Close()
	if err := h.wait(t); err.Code != 1013 || err.Reason != "slow consumer" {
		t.Errorf("OnClose got %v", err)
	}
	if err := hub.Shutdown(context.Background(), ""); err != nil {
		t.Error(err)
	}
}
