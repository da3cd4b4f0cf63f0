package transport

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"

	"github.com/codebeaker/codebeaker/transport/audit"
)

// CheckListen refuses to serve a public address without keys: whoever reaches
// the server could run programs on it. addr is HOST:PORT; a name counts as
// public unless it is localhost. An operator who has said that no keys are wanted
// (Options.NoKeys) may serve any address.
func CheckListen(addr string, keys *Keys, noKeys bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", addr, err)
	}
	if noKeys || isLoopback(host) || !keys.Empty() {
		return nil
	}
	return fmt.Errorf("refusing to listen on %s without keys: anybody who reaches it could run programs; "+
		"make a key with \"codebeaker keys add NAME\", or listen on 127.0.0.1; --no-keys is for a server that something else guards", addr)
}

// isLoopback reports whether only this machine reaches the host.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// BearerProtocol is the prefix of the subprotocol in which a browser, which
// cannot set headers on a WebSocket, carries its key.
const BearerProtocol = "bearer."

// Gate says who requests are from. Its methods are safe for concurrent use.
type Gate struct {
	keys     *Keys
	metrics  *Metrics
	audit    *audit.Log
	noKeys   bool        // the operator wants none
	loopback atomic.Bool // nobody needs a key that is not required
	forms    map[string]func(w http.ResponseWriter, status int, reason string)
}

func newGate(keys *Keys, noKeys bool, metrics *Metrics, log *audit.Log) *Gate {
	return &Gate{keys: keys, noKeys: noKeys, metrics: metrics, audit: log, forms: map[string]func(http.ResponseWriter, int, string){}}
}

// Open reports whether nobody needs a key: the operator has said so, or the server
// is on loopback and has never had keys. One that had them stays closed when the
// last is gone.
func (g *Gate) Open() bool { return g.noKeys || g.loopback.Load() && !g.keys.Required() }

// Owner is the id of the request's key, which owns the sessions it makes. While
// the gate is open everybody has the id "". False: it has no valid key, and is to
// be refused.
func (g *Gate) Owner(r *http.Request) (owner string, ok bool) {
	if g.Open() {
		return "", true
	}
	return g.keys.Verify(keyOf(r))
}

// Has reports whether an owner may still come in: its key is there, or it had
// none and none is required. A connection that lives long asks again.
func (g *Gate) Has(owner string) bool {
	if owner == "" {
		return g.Open()
	}
	return g.keys.Has(owner)
}

// Refuse answers a request without a valid key with 401.
func (g *Gate) Refuse(w http.ResponseWriter, r *http.Request) {
	g.refuse(w, r, "a valid key is needed: send Authorization: Bearer KEY")
}

// RefuseWith makes write answer the refused requests of a path, with the status
// and the reason in the form of its door. It is for Door.Handle.
func (g *Gate) RefuseWith(path string, write func(w http.ResponseWriter, status int, reason string)) {
	g.forms[path] = write
}

func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, reason string) {
	g.metrics.refusedKeys.Inc()
	g.audit.AddOften(addressOf(r), audit.Record{Event: audit.Unauthorized, Address: addressOf(r), Path: r.URL.Path, Outcome: "Unauthorized"})
	w.Header().Set("WWW-Authenticate", `Bearer realm="codebeaker"`)
	g.answer(w, r, http.StatusUnauthorized, reason)
}

func (g *Gate) answer(w http.ResponseWriter, r *http.Request, status int, reason string) {
	if write := g.forms[r.URL.Path]; write != nil {
		write(w, status, reason)
		return
	}
	http.Error(w, reason, status)
}

// keyOf is the key that a request carries, "" for none. Never from the query
// string, which ends up in logs.
func keyOf(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, key, _ := strings.Cut(header, " ") // one blank: RFC 6750, 2.1
		if !strings.EqualFold(scheme, "Bearer") {
			return ""
		}
		return key
	}
	for _, protocol := range Subprotocols(r) {
		if key, ok := strings.CutPrefix(protocol, BearerProtocol); ok {
			return key
		}
	}
	return ""
}

// Subprotocols are those that a WebSocket handshake offers.
func Subprotocols(r *http.Request) (list []string) {
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

// originGuard lets a browser in only from where it may come. A page of another
// site can make a browser on this machine speak to a server on loopback, and
// with a name that resolves to 127.0.0.1 even as its own site (DNS rebinding):
// so both Host and Origin are compared, exactly.
type originGuard struct {
	hosts   []string // allowed besides our own; "host" or "host:port"; "*" is all
	origins []string // allowed besides the same host; "https://site.example"
	own     string   // name of this machine
}

func newOriginGuard(hosts, origins []string) *originGuard {
	g := &originGuard{hosts: hosts, origins: origins}
	g.own, _ = os.Hostname()
	return g
}

// refuse returns why a request may not pass, "" when it may.
func (g *originGuard) refuse(r *http.Request) string {
	if !g.allowsHost(r) {
		return "the Host header does not name this server; the operator can allow it with --allow-host"
	}
	if !g.allowsOrigin(r) {
		return "the Origin is not allowed; the operator may allow it with --allow-origin"
	}
	return ""
}

func (g *originGuard) allowsHost(r *http.Request) bool {
	name := hostname(r.Host)
	for _, allowed := range g.hosts {
		if allowed == "*" || strings.EqualFold(allowed, r.Host) || strings.EqualFold(allowed, name) {
			return true
		}
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return isLoopback(name)
	}
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return isLoopback(name) // a pipe
	}
	ip := at.Addr().Unmap()
	if ip.IsLoopback() {
		return isLoopback(name)
	}
	if asked, err := netip.ParseAddr(name); err == nil {
		return asked.Unmap().WithZone("") == ip.WithZone("")
	}
	return g.own != "" && strings.EqualFold(name, g.own)
}

func (g *originGuard) allowsOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true // no browser, or the page itself
	}
	if len(origins) > 1 {
		return false
	}
	for _, allowed := range g.origins {
		if allowed == "*" || strings.EqualFold(allowed, origins[0]) {
			return true
		}
	}
	scheme, host, _ := strings.Cut(origins[0], "://") // nothing else: RFC 6454, 6.1
	if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return false // "null" among them
	}
	return host != "" && strings.EqualFold(host, r.Host)
}

// hostname is host without its port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}
