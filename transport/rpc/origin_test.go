package rpc

import (
	"net"
	"net/http"
	"testing"

	"github.com/codebeaker/codebeaker/transport"
)

func TestForeignHostsAndOriginsAreRefusedOnEveryEndpoint(t *testing.T) {
	w := newWorld(t, setup{server: transport.Options{
		Page:         http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		AllowedHosts: []string{"proxy.example:443"}, AllowedOrigins: []string{"https://app.example"},
	}})
	_, port, _ := net.SplitHostPort(w.addr)
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/health", "/ws/jsonrpc"} {
		for _, c := range []struct {
			host, origin string
			refused      bool
		}{
			{"", "", false},
			{"localhost:" + port, "", false},
			{"[::1]:" + port, "", false},
			{"proxy.example:443", "", false},
			{"proxy.example:444", "", true},
			{"evil.example", "", true},
			{"127.0.0.1.evil.example", "", true},
			{"evil.example:" + port, "http://evil.example:" + port, true}, // DNS rebinding
			{"", "http://" + w.addr, false},
			{"", "http://" + w.addr + "/", true},
			{"", "http://" + w.addr + "/page", true},
			{"", "http://" + w.addr + "?x", true},
			{"", "http://user@" + w.addr, true},
			{"", "https://app.example", false},
			{"", "https://app.example/", true},
			{"", "https://app.example.evil", true},
			{"", "http://localhost:1", true},
			{"", "null", true},
			{"", "file:///index.html", true},
		} {
			header := map[string]string{}
			if c.host != "" {
				header["Host"] = c.host
			}
			if c.origin != "" {
				header["Origin"] = c.origin
			}
			if status, _ := w.do(t, http.MethodGet, path, "", header); (status == http.StatusForbidden) != c.refused {
				t.Errorf("%s with Host %q and Origin %q: %d", path, c.host, c.origin, status)
			}
		}
	}
}
