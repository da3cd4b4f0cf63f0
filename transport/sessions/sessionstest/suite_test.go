package sessionstest

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/rpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/sessions/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// servers are one for each test, since services of one test share it.
type servers map[string]*sessions.Local

// of is the server of a test, over the fake runtime.
func (all servers) of(t *testing.T) *sessions.Local {
	t.Helper()
	if local := all[t.Name()]; local != nil {
		return local
	}
	registry := runtimes.NewRegistry(fake.New(fake.Options{Dir: t.TempDir()}))
	registry.Probe(t.Context())
	system := actors.NewSystem(actors.Options{Registry: registry})
	local, err := sessions.New(sessions.Options{System: system, Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	all[t.Name()] = local
	return local
}

func end(t *testing.T, shutdown func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestLocal(t *testing.T) {
	all := servers{}
	Run(t, func(t *testing.T, events func(sessions.Event)) sessions.Service {
		first := all[t.Name()] == nil
		local := all.of(t)
		if first {
			t.Cleanup(func() { end(t, local.Shutdown) })
		}
		return local.Connect("", events)
	})
}

func TestRemote(t *testing.T) {
	all, addresses := servers{}, map[string]string{}
	Run(t, func(t *testing.T, events func(sessions.Event)) sessions.Service {
		if addresses[t.Name()] == "" {
			addresses[t.Name()] = serve(t, all.of(t))
		}
		s, err := remote.Dial(t.Context(), addresses[t.Name()], client.Options{}, events)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// serve serves until the end of the test.
func serve(t *testing.T, local *sessions.Local) (address string) {
	t.Helper()
	server, err := rpc.NewServer(rpc.Options{Sessions: local}, transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		end(t, server.Shutdown)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "ws://" + l.Addr().String() + "/ws/jsonrpc"
}
