package fake

import "github.com/codebeaker/codebeaker/runtimes"

// exited is the process of a program that ended before Start returned.
type exited struct{}

var _ runtimes.Process = exited{}

func (exited) Grant(int)                            {}
func (exited) Input([]byte) (int, error)            { return 0, runtimes.ErrInputClosed }
func (exited) CloseInput()                          {}
func (exited) Signal(runtimes.Signal) (bool, error) { return false, nil }
func (exited) Stop(runtimes.Status)                 {}
func (exited) Resize(runtimes.TerminalSize) error   { return runtimes.ErrNoTerminal }
