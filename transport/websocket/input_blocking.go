package websocket

import (
	"net"
	"sync"
)

// blockingInput reads any net.Conn: TLS, net.Pipe, other systems. Its buffer is
// held while it waits, so it is small.
type blockingInput struct {
	nc  net.Conn
	buf *[blockingBytes]byte
}

const blockingBytes = 4 << 10

var blockingBuffers = sync.Pool{New: func() any { return new([blockingBytes]byte) }}

func (in *blockingInput) next() ([]byte, error) {
	in.buf = blockingBuffers.Get().(*[blockingBytes]byte)
	for {
		n, err := in.nc.Read(in.buf[:])
		if n > 0 { // an error comes again with the next read
			return in.buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (in *blockingInput) done() {
	if in.buf != nil {
		blockingBuffers.Put(in.buf)
		in.buf = nil
	}
}
