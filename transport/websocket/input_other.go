//go:build !linux

package websocket

import "net"

func newInput(nc net.Conn) input { return &blockingInput{nc: nc} }
