package transport

import (
	"context"
	"net"
	"net/http"
	"testing"
)

func TestForeignHostsAndOriginsAreRefusedOnEveryEndpoint(t *testing.T) {
	w := newWorld(t, setup{options: Options{
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
			{"", "https://app.example", false},
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

func TestOnAPublicAddressOnlyItsOwnNamesAreHosts(t *testing.T) {
	g := newOriginGuard(nil, nil)
	g.own = "beaver"
	at := func(local, host string) bool {
		addr, err := net.ResolveTCPAddr("tcp", local)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(addr))
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		return g.allowsHost(r)
	}
	for _, c := range []struct {
		local, host string
		allowed     bool
	}{
		{"192.0.2.7:5039", "192.0.2.7:5039", true}, {"192.0.2.7:5039", "192.0.2.8:5039", false},
		{"192.0.2.7:5039", "beaver:5039", true}, {"192.0.2.7:5039", "BEAVER", true}, {"192.0.2.7:5039", "beaver.evil.example", false},
		{"192.0.2.7:5039", "localhost", false}, {"[2001:db8::7]:1", "[2001:db8::7]:1", true}, {"127.0.0.1:1", "beaver", false},
	} {
		if got := at(c.local, c.host); got != c.allowed {
			t.Errorf("%s at %s: %v", c.host, c.local, got)
		}
	}
}
