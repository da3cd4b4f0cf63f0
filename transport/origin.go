package transport

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

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
		return "the Host header is none of this server's names; the operator may allow it with --allow-host"
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
	u, err := url.Parse(origins[0])
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return false // "null" among them
	}
	return strings.EqualFold(u.Host, r.Host)
}

// hostname is host without its port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}
