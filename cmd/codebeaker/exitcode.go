package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Exit codes of exec, run and shell besides the program's own, as env, timeout
// and shells have them.
const (
	exitTimeLimit = 124
	exitOurs      = 125 // the command could not be run, or output was lost
	exitNotFound  = 127 // the program could not start
	exitSignal    = 128 // and the number of the signal
)

// exitError ends the process with a code. Without an err nothing is said: the
// program has said it.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// codeOf is the exit code of an error.
func codeOf(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	return 1
}

// complaints are what is to be said of an error: of joined ones each, but for
// what the program has said.
func complaints(err error) (said []error) {
	var exit *exitError
	if err == nil {
		return nil
	}
	if !errors.As(err, &exit) {
		return []error{err}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			said = append(said, complaints(err)...)
		}
		return said
	}
	if exit.err == nil {
		return nil
	}
	return []error{err}
}

// ours gives an error that is not the program's its exit code.
func ours(err error) error {
	var exit *exitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return &exitError{exitOurs, err}
}

// endOf is exitOf, unless output is missing.
func endOf(missing error, r *protocol.ExecuteResult) error {
	if missing != nil {
		return missing
	}
	return exitOf(r)
}

// exitOf is the end of a program as the end of this process; nil for exit code
// zero.
func exitOf(r *protocol.ExecuteResult) error {
	p := (&client.Result{ExecuteResult: r}).Process()
	said := errors.New(p.Status)
	if r.Error != nil {
		said = errors.New(*r.Error)
	}
	switch {
	case p.Status == runtimes.TimeLimitExceeded.String():
		return &exitError{exitTimeLimit, said}
	case p.ExitCode != nil && *p.ExitCode == 0:
		return nil
	case p.ExitCode != nil:
		return &exitError{code: *p.ExitCode}
	case p.Status == runtimes.CouldNotStart.String():
		return &exitError{exitNotFound, said}
	}
	if signal, ok := runtimes.ParseSignal(p.Signal); ok {
		if p.Status == runtimes.Signalled.String() {
			said = nil
		}
		return &exitError{exitSignal + int(signal), said}
	}
	return &exitError{exitOurs, said}
}

// interrupts are the signals to a command that runs a program: the first goes
// to the program, when there is one, and the second ends all; so does the loss
// of the terminal.
type interrupts struct {
	ctx    context.Context // ends with the signal that ends all
	cancel context.CancelCauseFunc
	signal chan os.Signal
	target atomic.Pointer[client.Execution]
	// patient: a typed one never ends all, for the next thing is to be typed.
	patient atomic.Bool
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
	var to *client.Execution // that got the last one
	for sent := 0; ; {
		select {
		case s := <-i.signal:
			e := i.target.Load()
			if e != to {
				to, sent = e, 0
			}
			sent++
			name := nameOf(s)
			switch patient := i.patient.Load() && s == os.Interrupt; {
			case patient && e == nil:
				continue
			case patient && sent >= lastInterrupt:
				name = runtimes.SIGKILL.String()
			case patient:
			case e == nil || sent > 1 || s == syscall.SIGHUP:
				i.cancel(&interrupted{numberOf(s)})
				return
			}
			go func() { _, _ = e.Signal(i.ctx, name) }()
		case <-i.ctx.Done():
			return
		}
	}
}

// lastInterrupt is how often a patient one is typed until the program is killed.
const lastInterrupt = 3

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
