package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Call makes a call and decodes its result into result, which may be nil. It
// waits for a connection when there is none. When ctx ends first the call goes
// on at the server and its reply is dropped.
// Errors: *RefusedError when the server refused; ErrConnectionLost; ErrClosed;
// ctx's cause.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	_, err := c.callOver(ctx, method, params, anything(result))
	return err
}

// callOver is Call, and says which connection brought the answer.
func (c *Client) callOver(ctx context.Context, method string, params any, decode decoder) (*link, error) {
	l, m, err := c.ask(ctx, method, params)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return l, decodeReply(method, m, decode)
}

// ask calls on the connection of now, and on the next one when the call was not
// sent, or may be made twice.
func (c *Client) ask(ctx context.Context, method string, params any) (*link, *jsonrpc.Message, error) {
	for {
		l, err := c.connection(ctx)
		if err != nil {
			return nil, nil, err
		}
		m, err := l.call(ctx, method, params, nil)
		switch {
		case err == nil:
			return l, m, nil
		case errors.Is(err, errUnsent):
		case errors.Is(err, ErrConnectionLost):
			if c.isClosed() || !repeatable(method, params) || ofTheCall(err) {
				return nil, nil, c.orEnd(err)
			}
		default:
			return nil, nil, err
		}
	}
}

// repeatable reports whether a call made twice does what it does once.
func repeatable(method string, params any) bool {
	switch method {
	case protocol.MethodSessionExecute, protocol.MethodExecutionInput, protocol.MethodExecutionSignal:
		return false
	case protocol.MethodSessionCreate:
		p, ok := params.(*protocol.SessionCreate)
		return ok && p.ClientToken != nil
	}
	return known[method]
}

// known are the methods of the protocol; of others nothing is known.
var known = func() map[string]bool {
	m := make(map[string]bool)
	for _, method := range protocol.Methods() {
		m[method.Name] = true
	}
	return m
}()

// ofTheCall reports whether the connection ended for what was sent, or for a
// reply that is too big for this client, so that it would again.
func ofTheCall(err error) bool {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return false
	}
	switch closed.Code {
	case websocket.CodeTooBig:
		return true
	case websocket.CodeProtocolError, websocket.CodeInvalidText, websocket.CodePolicy:
		return closed.Remote
	}
	return false
}

// Notify sends a call whose outcome nobody wants to know, on the connection of
// now.
func (c *Client) Notify(method string, params any) error {
	if err := c.Err(); err != nil {
		return err
	}
	b, err := jsonrpc.AppendNotification(nil, method, params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	c.mu.Lock()
	l := c.main
	c.mu.Unlock()
	if err := l.err(); err != nil {
		return fmt.Errorf("%s: %w", method, lost(err))
	}
	l.conn.Reply(func(dst []byte) []byte { return append(dst, b...) })
	return nil
}
