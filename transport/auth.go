package transport

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// CheckListen refuses to serve a public address without keys: whoever reaches
// the server could run programs on it. addr is HOST:PORT; a name counts as
// public unless it is localhost.
func CheckListen(addr string, keys *Keys) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", addr, err)
	}
	if isLoopback(host) || !keys.Empty() {
		return nil
	}
	return fmt.Errorf("refusing to listen on %s without keys: anybody who reaches it could run programs; "+
		"make a key with \"codebeaker keys add NAME\", or listen on 127.0.0.1", addr)
}

// isLoopback reports whether only this machine reaches the host.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// bearerProtocol is the prefix of the subprotocol in which a browser, which
// cannot set headers on a WebSocket, carries its key.
const bearerProtocol = "bearer."

// authenticate returns the id of the request's key. Without keys, which only a
// server on loopback is, everybody has the id "".
func (s *Server) authenticate(r *http.Request) (owner string, ok bool) {
	if s.loopback.Load() && s.options.Keys.Empty() {
		return "", true
	}
	return s.options.Keys.Verify(keyOf(r))
}

// keyOf is the key that a request carries, "" for none. Never from the query
// string, which ends up in logs.
func keyOf(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, key, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return ""
		}
		return strings.TrimSpace(key)
	}
	for _, protocol := range subprotocols(r) {
		if key, ok := strings.CutPrefix(protocol, bearerProtocol); ok {
			return key
		}
	}
	return ""
}

// subprotocols are those that a WebSocket handshake offers.
func subprotocols(r *http.Request) (list []string) {
	for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
		for protocol := range strings.SplitSeq(header, ",") {
			list = append(list, strings.TrimSpace(protocol))
		}
	}
	return list
}

// queryKeys are the names under which clients put a key into the query string.
var queryKeys = []string{"key", "apikey", "api_key", "api-key", "token", "access_token", "bearer", "authorization", "auth"}

// hasQueryKey reports whether the query string seems to hold a key.
func hasQueryKey(r *http.Request) bool {
	if r.URL.RawQuery == "" {
		return false
	}
	for name := range r.URL.Query() {
		for _, known := range queryKeys {
			if strings.EqualFold(name, known) {
				return true
			}
		}
	}
	return false
}
