//go:build linux

package boxedtest

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress/egresstest"
)

// Fetcher is a program that fetches each URL of its arguments and prints, a
// line each, what it got or "refused".
type Fetcher struct {
	Language runtimes.Language
	File     string
	Text     string
	Run      []string // the command line, before the URLs
}

// Network proves that a session with a network reaches what is permitted and
// nothing of the host, that it is told as it is, and that nothing remains.
func Network(t *testing.T, newRuntime func(boxed.Options) runtimes.Runtime, f Fetcher) {
	egresstest.Use(t)
	public := egresstest.HTTP(t, egresstest.Address)
	forbidden := egresstest.HTTP(t, egresstest.Forbidden)
	options := Options(t)
	options.Egress = egress.Options{Policy: egresstest.Policy, Counters: &egress.Counters{}}
	r := newRuntime(options)
	Available(t, r, f.Language)
	spec := Spec("s1", f.Language)
	spec.Network = runtimes.Internet
	e := Create(t, r, spec)
	if i := e.Isolation(); i.Has(runtimes.NetworkNamespace) || !i.Has(runtimes.NetworkFilter) {
		t.Errorf("the layers are %v", i.Layers)
	}
	flows := make(chan runtimes.NetworkFlow, 16)
	if err := e.Assign(t.Context(), runtimes.Assignment{Flows: func(f runtimes.NetworkFlow) { flows <- f }}); err != nil {
		t.Fatal(err)
	}
	metadata, loopback := "http://169.254.169.254/", strings.Replace(public, egresstest.Address.String(), "127.0.0.1", 1)
	got := RunFile(t, e, f.File, f.Text, append(f.Run, public, forbidden, metadata, loopback)...)
	if got.Stdout != "hello\nrefused\nrefused\nrefused\n" {
		t.Errorf("got %+v", got)
	}
	for range 3 { // what the session's own loopback is asked is none
		if f := <-flows; (f.Outcome == runtimes.FlowEnded) != (f.To.Addr() == egresstest.Address) || f.Protocol != "tcp" {
			t.Errorf("a flow is told as %+v", f)
		}
	}
	if names := Run(t, e, "cat", "/etc/resolv.conf"); !strings.Contains(names.Stdout, "nameserver 198.51.100.1") {
		t.Errorf("resolv.conf: %+v", names)
	}
	plain := Create(t, r, Spec("s2", f.Language))
	if i := plain.Isolation(); !i.Has(runtimes.NetworkNamespace) || i.Has(runtimes.NetworkFilter) {
		t.Errorf("without a network the layers are %v", i.Layers)
	}
	if got := RunFile(t, plain, f.File, f.Text, append(f.Run, public)...); got.Stdout != "refused\n" {
		t.Errorf("without a network: %+v", got)
	}
}
