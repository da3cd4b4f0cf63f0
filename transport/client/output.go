package client

import (
	"encoding/base64"
	"iter"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Output is a piece of what a program wrote.
type Output struct {
	Stream string // stdout, stderr or pty
	Seq    int64
	Offset int64 // bytes of the stream before it
	Data   []byte
}

// The streams of an Output.
const (
	Stdout   = "stdout"
	Stderr   = "stderr"
	Terminal = "pty"
)

func decodeOutput(params jsonrpc.Raw) (o Output, execution string, err error) {
	var p protocol.ExecutionOutput
	if err := decode(params, &p); err != nil {
		return Output{}, "", err
	}
	o = Output{Stream: p.Stream, Seq: p.Seq, Offset: p.Offset}
	if p.Encoding != protocol.Base64 {
		o.Data = []byte(p.Data)
		return o, p.ExecutionID, nil
	}
	o.Data, err = base64.StdEncoding.DecodeString(p.Data)
	return o, p.ExecutionID, err
}

// Output delivers what the program writes, in order, none twice, across
// reconnections. It ends when the program has, or with an error behind the last
// piece. A *GapError stands where output is missing; what follows it is
// complete again.
//
// A loop that takes its time holds back the program, once OutputBytes wait
// here. But the server gives up on a connection that has taken nothing for a
// second (protocol, section 3.2); the loop then goes on with what the server
// has kept.
//
// From the call of Output on, nothing is dropped here for a Wait. A loop that
// was left may be taken up by another one. Two at once share the pieces.
func (e *Execution) Output() iter.Seq2[Output, error] {
	e.out.claim(true)
	return func(yield func(Output, error) bool) {
		e.out.claim(true)
		defer e.out.claim(false)
		for {
			it, ok := e.out.next(e.done)
			if !ok {
				return
			}
			if !yield(it.Output, it.error(e.ID())) {
				return
			}
		}
	}
}

// item is what a reader gets next: a piece, a gap, or the error at the end.
type item struct {
	Output
	gap gap
	err error
}

func (it *item) error(execution string) error {
	if it.gap.chunks > 0 {
		return &GapError{ExecutionID: execution, Chunks: it.gap.chunks, Missing: it.gap.bytes}
	}
	return it.err
}

// gap counts what is missing.
type gap struct {
	chunks int64
	bytes  protocol.DroppedBytes
}

func (g *gap) add(stream string, n int64) {
	switch stream {
	case Stdout:
		g.bytes.Stdout += n
	case Stderr:
		g.bytes.Stderr += n
	case Terminal:
		g.bytes.PTY += n
	}
}

func (g *gap) merge(other gap) {
	g.chunks += other.chunks
	g.bytes.Stdout += other.bytes.Stdout
	g.bytes.Stderr += other.bytes.Stderr
	g.bytes.PTY += other.bytes.PTY
}
