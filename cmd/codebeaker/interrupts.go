package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/codebeaker/codebeaker/transport/client"
)

// interrupts are the signals to a command that runs a program: the first goes
// to the program, when there is one, and the second ends all; so does the loss
// of the terminal.
type interrupts struct {
	ctx    context.Context // ends with the signal that ends all
	cancel context.CancelCauseFunc
	signal chan os.Signal
	target atomic.Pointer[client.Execution]
}

// interrupted is why the context ended.
type interrupted struct{ number int }

func (i *interrupted) Error() string { return fmt.Sprintf("interrupted by signal %d", i.number) }

func newInterrupts(parent context.Context) *interrupts {
	i := &interrupts{signal: make(chan os.Signal, 4)}
	i.ctx, i.cancel = context.WithCancelCause(parent)
	signal.Notify(i.signal, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go i.watch()
	return i
}

func (i *interrupts) watch() {
	for sent := false; ; {
		select {
		case s := <-i.signal:
			e := i.target.Load()
			if e != nil && !sent && s != syscall.SIGHUP {
				sent = true
				go func() { _, _ = e.Signal(i.ctx, nameOf(s)) }()
				continue
			}
			i.cancel(&interrupted{numberOf(s)})
			return
		case <-i.ctx.Done():
			return
		}
	}
}

func nameOf(s os.Signal) string {
	if s == syscall.SIGTERM {
		return "SIGTERM"
	}
	return "SIGINT"
}

func numberOf(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return int(n)
	}
	return int(syscall.SIGINT)
}

// forward makes e the one that gets the first signal.
func (i *interrupts) forward(e *client.Execution) { i.target.Store(e) }

// orExit is the exit code of the interruption, if there was one, else err.
func (i *interrupts) orExit(err error) error {
	if cause, ok := context.Cause(i.ctx).(*interrupted); ok {
		return &exitError{code: exitSignal + cause.number}
	}
	return err
}

func (i *interrupts) stop() {
	signal.Stop(i.signal)
	i.cancel(nil)
}
