package actors

import (
	"context"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// replier is the cheapest caller.
type replier struct{ done chan error }

func (r *replier) Reply(_ any, err error) { r.done <- err }

func benchmarkSession(b *testing.B) *Session {
	b.Helper()
	registry := runtimes.NewRegistry(fake.New(fake.Options{Dir: b.TempDir()}))
	registry.Probe(b.Context())
	system := NewSystem(Options{Registry: registry})
	b.Cleanup(func() {
		if err := system.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	session, _, err := system.Create(b.Context(), request())
	if err != nil {
		b.Fatal(err)
	}
	return session
}

func benchmarkCall(b *testing.B, request any) {
	session := benchmarkSession(b)
	call := &Call{Request: request, Caller: &replier{make(chan error, 1)}}
	b.ReportAllocs()
	for b.Loop() {
		session.Send(call)
		if err := <-call.Caller.(*replier).done; err != nil {
			b.Fatal(err)
		}
	}
}

// A call that needs no environment: what the actor itself costs.
func BenchmarkGetInfo(b *testing.B) { benchmarkCall(b, &GetInfo{}) }

// A program that does nothing in an environment that does nothing: what a
// command costs above its process.
func BenchmarkExecute(b *testing.B) {
	benchmarkCall(b, &Execute{Type: "execute_shell", Command: &runtimes.Command{Name: "true"}})
}
