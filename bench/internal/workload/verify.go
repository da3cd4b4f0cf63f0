package workload

import (
	"context"
	"errors"
	"fmt"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// command runs one and returns the result of its type; one that could not do
// its work is an error.
func command[R any](ctx context.Context, c *client.Client, session string, cmd any) (R, error) {
	var none R
	r, err := c.Exec(ctx, session, cmd)
	if err != nil {
		return none, err
	}
	typed, ok := r.Result.(R)
	if !r.Success {
		return none, refusal(r)
	}
	if !ok {
		return none, fmt.Errorf("the server sent a result of type %T", r.Result)
	}
	return typed, nil
}

// refusal is the error of a command that could not do its work.
func refusal(r *protocol.ExecuteResult) error {
	text := r.ErrorCode
	if r.Error != nil {
		text += ": " + *r.Error
	}
	if p, ok := r.Result.(*protocol.ProcessResult); ok && p.Stderr != "" {
		text += ": " + p.Stderr
	}
	return errors.New(text)
}

// want is nil when both are equal, else a *measure.WrongOutput.
func want(got, wanted string) error {
	if got == wanted {
		return nil
	}
	return &measure.WrongOutput{Got: got, Want: wanted}
}

// run runs a program and verifies what it printed.
func run(ctx context.Context, c *client.Client, session string, args []string, prints string) error {
	p, err := command[*protocol.ProcessResult](ctx, c, session, client.Program(args[0], args[1:]...))
	if err != nil {
		return err
	}
	return want(p.Stdout, prints)
}
