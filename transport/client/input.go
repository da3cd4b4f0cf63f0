package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

const (
	// inputPiece is how much one call carries: less than the server's buffer.
	inputPiece = 32 << 10
	// firstPause and maxPause are between attempts while that is full.
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// Write feeds the program's standard input, or its terminal. It waits as long
// as the program does not read.
// Errors: ErrInputClosed; ErrConnectionLost when it is not known whether the
// piece behind n was taken; others of Client.Call.
func (e *Execution) Write(p []byte) (n int, err error) {
	for pause := firstPause; n < len(p); {
		piece := p[n:min(n+inputPiece, len(p))]
		accepted, err := e.input(piece, false)
		n += accepted
		switch {
		case err != nil:
			return n, err
		case accepted > 0:
			pause = firstPause
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			pause = min(2*pause, maxPause)
		case <-e.ctx.Done():
			timer.Stop()
			return n, e.inputError(e.ctx.Err())
		}
	}
	return n, nil
}

// CloseInput ends the program's standard input; on a terminal it is the end of
// a file, as Ctrl-D is.
// Errors: as Write.
func (e *Execution) CloseInput() error {
	_, err := e.input(nil, true)
	return err
}

func (e *Execution) input(p []byte, eof bool) (int, error) {
	in := protocol.ExecutionInput{SessionID: e.session, ExecutionID: e.ID(), EOF: eof}
	if utf8.Valid(p) {
		in.Data = string(p)
	} else {
		in.Data, in.Encoding = base64.StdEncoding.EncodeToString(p), protocol.Base64
	}
	ctx, cancel := afterThe(e.ctx)
	defer cancel()
	n, err := e.client.Input(ctx, in)
	if err != nil {
		return n, e.inputError(err)
	}
	return n, nil
}

// lastWord is how long the answer to a piece is waited for once the program has
// ended: it may have been taken, and have been what the program waited for.
const lastWord = time.Second

// afterThe is a context that ends lastWord after another.
func afterThe(end context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(end))
	stop := context.AfterFunc(end, func() {
		late := time.AfterFunc(lastWord, cancel)
		context.AfterFunc(ctx, func() { late.Stop() })
	})
	return ctx, func() { stop(); cancel() }
}

// inputError says that the input is closed where that is why.
func (e *Execution) inputError(err error) error {
	var refused *RefusedError
	var data struct {
		Member string `json:"member"`
	}
	if errors.As(err, &refused) && refused.Is(ErrInvalidParams) {
		if raw, ok := refused.Reply.Data.(jsonrpc.Raw); ok && json.Unmarshal(raw, &data) == nil && data.Member == "executionId" {
			return fmt.Errorf("%w: %w", ErrInputClosed, err)
		}
	}
	select {
	case <-e.done:
		return fmt.Errorf("%w: it has ended", ErrInputClosed)
	default:
		return err
	}
}
