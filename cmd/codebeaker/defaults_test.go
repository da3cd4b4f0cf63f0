package main

import (
	"context"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/rpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// Settings had one default in the program and another in the package that they
// are for, so that an embedded server allowed four times the disk.
func TestAServerWithoutOptionsHasTheLimitsOfOneWithoutFlags(t *testing.T) {
	registry := runtimes.NewRegistry()
	local, err := sessions.New(sessions.Options{System: actors.NewSystem(actors.Options{Registry: registry}), Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	bare, err := rpc.NewServer(rpc.Options{Sessions: local}, transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bare.Serve(ctx, l) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	program := startServer(t, "--runtimes", "fake")
	limits := func(url string) protocol.ServerLimits {
		c, err := client.Dial(t.Context(), url, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		found, err := c.Initialize(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found.Limits.MemoryLimitMB, found.Limits.CPUs = 0, 0 // those of the machine
		return found.Limits
	}
	if diff := cmp.Diff(limits(program.URL()), limits("ws://"+l.Addr().String()+"/ws/jsonrpc")); diff != "" {
		t.Errorf("with flags, with options:\n%s", diff)
	}
	if c, err := load(t); err != nil || c.MaxConnections != transport.DefaultConnections {
		t.Errorf("%d connections of one address, %v", c.MaxConnections, err)
	}
}
