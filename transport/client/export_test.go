package client

import (
	"context"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// Link is one connection.
type Link = link

// Main is the connection for calls.
func (c *Client) Main() *Link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.main
}

// StayAttached is what follows the reply of a Create and of an Attach.
func (c *Client) StayAttached(ctx context.Context, l *Link, session string) error {
	return c.stayAttached(ctx, l, session)
}

// Receive gives the execution a notification.
func (e *Execution) Receive(method, params string) {
	e.receive(&jsonrpc.Message{Method: method, Params: jsonrpc.Raw(params)})
}
