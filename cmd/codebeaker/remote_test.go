package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheServerMayBeNamedByTheAddressOfItsPages(t *testing.T) {
	for server, want := range map[string]string{
		"ws://h:1/ws/jsonrpc":    "ws://h:1/ws/jsonrpc",
		"wss://h/behind/a/proxy": "wss://h/behind/a/proxy",
		"ws://h:1":               "ws://h:1/ws/jsonrpc",
		"http://h:1":             "ws://h:1/ws/jsonrpc",
		"http://h:1/":            "ws://h:1/ws/jsonrpc",
		"https://h/ws/jsonrpc":   "wss://h/ws/jsonrpc",
		"HTTPS://[::1]:5039":     "wss://[::1]:5039/ws/jsonrpc",
	} {
		if got, err := endpoint(server); err != nil || got != want {
			t.Errorf("%s: %q, %v", server, got, err)
		}
	}
	for _, server := range []string{"", "h:1", "h", "ftp://h", "http://", "://"} {
		if got, err := endpoint(server); err == nil || !strings.Contains(err.Error(), "--server") {
			t.Errorf("%q: %q, %v", server, got, err)
		}
	}
}

func TestSessionsAreListedOverHTTP(t *testing.T) {
	p := startServer(t, "--runtimes", "fake")
	root := newCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs([]string{"sessions", "--json", "--server", "http://" + p.listener.Addr().String()})
	if err := root.ExecuteContext(t.Context()); err != nil || strings.TrimSpace(out.String()) != "[]" {
		t.Errorf("%v: %s", err, out.String())
	}
}
