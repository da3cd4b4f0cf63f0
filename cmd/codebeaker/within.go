package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// within does something in a session: it opens what the flags ask for, ends
// with an interruption, and closes behind it.
func (r *remote) within(cmd *cobra.Command, language string, do func(*interrupts, *workshop) error) (err error) {
	interrupts := newInterrupts(cmd.Context())
	defer interrupts.stop()
	w, err := r.open(interrupts.ctx, language)
	if err != nil {
		return interrupts.orExit(err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return interrupts.orExit(do(interrupts, w))
}

// attend starts a program and leaves it when follow returns, or before, when
// ctx ends.
func (w *workshop) attend(ctx context.Context, r *remote, command *protocol.ExecuteShell, follow func(*client.Execution) error) error {
	e, err := w.start(ctx, r, command)
	if err != nil {
		return err
	}
	defer w.leave(e) // before the session ends: whoever feeds it need not complain
	defer context.AfterFunc(ctx, func() { w.leave(e) })()
	return follow(e)
}

// leave gives up a program. In a session that stays it would run on for nobody,
// so it is killed there.
func (w *workshop) leave(e *client.Execution) {
	defer e.Detach()
	if w.fresh {
		return
	}
	select {
	case <-e.Done():
	default:
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		_, _ = e.Signal(ctx, "SIGKILL")
	}
}
