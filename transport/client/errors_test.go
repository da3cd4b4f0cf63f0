package client_test

import (
	"errors"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

func TestEachCodeOfTheProtocolIsAnError(t *testing.T) {
	all := []error{
		client.ErrParse, client.ErrInvalidRequest, client.ErrMethodNotFound, client.ErrInvalidParams, client.ErrInternal,
		client.ErrSessionNotFound, client.ErrSessionClosed, client.ErrRuntimeUnavailable, client.ErrLanguageNotSupported,
		client.ErrBusy, client.ErrExecutionNotFound, client.ErrUnauthorized, client.ErrRateLimited,
		client.ErrEnvironmentFailed, client.ErrTooLarge, client.ErrShuttingDown, client.ErrNodeUnavailable,
	}
	facts := protocol.Errors()
	if len(facts) != len(all) {
		t.Fatalf("%d codes, %d errors", len(facts), len(all))
	}
	for i, f := range facts {
		err := error(&client.RefusedError{Method: "m", Reply: jsonrpc.Errorf(f.Code, "no")})
		for j, target := range all {
			if errors.Is(err, target) != (i == j) {
				t.Errorf("%s as %v: %v", f.Name, target, i != j)
			}
		}
		if !client.IsCode(err, f.Code) || all[i].Error() != f.Summary {
			t.Errorf("%s: %v", f.Name, all[i])
		}
	}
}

func TestARefusalSaysWhenToTryAgain(t *testing.T) {
	err := &client.RefusedError{Method: "m", Reply: &jsonrpc.Error{Code: protocol.Busy, Message: "full", Data: jsonrpc.Raw(`{"retryAfterMs":250}`)}}
	if got := err.RetryAfter(); got != 250*time.Millisecond {
		t.Errorf("got %v", got)
	}
	if got := (&client.RefusedError{Reply: jsonrpc.Errorf(protocol.Busy, "full")}).RetryAfter(); got != 0 {
		t.Errorf("without data: %v", got)
	}
}
