//go:build !linux

package box

import (
	"context"
	"net"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Box is a started box; there are none on this system.
type Box struct{ Conn *net.UnixConn }

// Start fails: a box needs Linux.
func Start(StartOptions) (*Box, error) { return nil, ErrUnsupported }

// Enter fails: a box needs Linux.
func Enter(Config) error { return ErrUnsupported }

// PID returns 0.
func (*Box) PID() int { return 0 }

// Dead returns nil, which is never closed.
func (*Box) Dead() <-chan struct{} { return nil }

// Stderr returns "".
func (*Box) Stderr() string { return "" }

// Close does nothing.
func (*Box) Close(context.Context) error { return nil }

// Layers fails: a box needs Linux.
func Layers(int, Config) ([]runtimes.Layer, error) { return nil, ErrUnsupported }

// Base is the part of a layout that shows the host's system.
type Base struct {
	Binds []Bind
	Links []Link
}

// HostBase fails: a box needs Linux.
func HostBase() (Base, error) { return Base{}, ErrUnsupported }
