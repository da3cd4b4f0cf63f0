package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// A connection is made again between the reply of a create and its reader.
func TestASessionWhoseConnectionBrokeBehindTheReplyIsAttached(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	closed, again := make(chan string, 1), make(chan struct{}, 1)
	c := dial(t, p.url, client.Options{
		Redial: quick,
		OnNotification: func(method string, params jsonrpc.Raw) {
			if method == protocol.NotifyClosed {
				closed <- string(params)
			}
		},
		OnReconnect: func(map[string]error) { again <- struct{}{} },
	})
	other := dial(t, serveURL(p), client.Options{})
	session := create(t, other)
	old := c.Main()
	p.cut()
	<-again
	if err := c.StayAttached(t.Context(), old, session); err != nil {
		t.Fatal(err)
	}
	if err := other.CloseSession(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if params := <-closed; !strings.Contains(params, session) {
		t.Errorf("told of %s", params)
	}
	if err := c.StayAttached(t.Context(), old, session); !errors.Is(err, client.ErrSessionClosed) && !errors.Is(err, client.ErrSessionNotFound) {
		t.Errorf("of a session that has ended: %v", err)
	}
}

func TestNotificationsOfAnotherExecutionAreDropped(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("trap")})
	e.Receive(protocol.NotifyOutput, `{"executionId":"other","stream":"stdout","seq":7,"offset":70,"data":"strange"}`)
	e.Receive(protocol.NotifyCompleted, `{"executionId":"other","result":{"executionId":"other","success":true,"result":{"exitCode":0,"status":"Exited"}}}`)
	select {
	case <-e.Done():
		t.Fatal("it ended with another")
	default:
	}
	if ok, err := e.Signal(t.Context(), "SIGTERM"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	var out []byte
	for o, err := range e.Output() {
		if err != nil {
			t.Errorf("output: %v", err)
		}
		out = append(out, o.Data...)
	}
	if strings.Contains(string(out), "strange") {
		t.Errorf("output %q", out)
	}
}

// A wait may be made twice, and its reply would be too big again.
func TestACallWhoseReplyIsTooBigIsNotRepeated(t *testing.T) {
	url := serve(t)
	roomy := dial(t, url, client.Options{})
	session := create(t, roomy)
	r, err := roomy.Execute(t.Context(), client.Execute{
		SessionID: session, Command: client.Program("spill", fmt.Sprint(64<<10)), Background: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	small := dial(t, url, client.Options{Redial: quick, WebSocket: websocket.Options{MessageBytes: 16 << 10}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	wait := &protocol.ExecutionWait{SessionID: session, ExecutionID: r.ExecutionID}
	err = small.Call(ctx, protocol.MethodExecutionWait, wait, nil)
	var closed *websocket.CloseError
	if !errors.Is(err, client.ErrConnectionLost) || !errors.As(err, &closed) || closed.Code != websocket.CodeTooBig {
		t.Errorf("got %v", err)
	}
	if _, err := small.Get(ctx, session); err != nil {
		t.Errorf("the next call: %v", err)
	}
}
