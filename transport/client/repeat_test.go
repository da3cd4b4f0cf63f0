package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

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
