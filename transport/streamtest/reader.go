// Package streamtest reads the output of executions as clients do that lose
// their connection at any byte, read slowly, stop reading, and come back; and
// checks that what they join is what the program wrote.
//
// It is a WebSocket client of its own over a bare connection, so that it sees
// the wire and not what a client package makes of it.
package streamtest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Reader follows one execution through as many connections as it takes.
type Reader struct {
	Addr, Session, Execution string
	// Wrote is what the program writes, by the name of the stream.
	Wrote map[string][]byte
	// Rand makes a case repeatable, as far as two programs can be.
	Rand *rand.Rand
	// Cut is about how many bytes a connection lasts, and longer after one that
	// brought nothing. Zero lets it last.
	Cut int
	// Doze is the longest that is slept before a read; zero reads at once.
	Doze time.Duration
	// Stop is called when the reader has attached first, unless it is nil; nothing
	// is read until it returns, so that the server closes the connection for it.
	Stop func()

	// What came of it.
	Attached int              // connections that attached
	Slow     int              // that were closed with 1013
	Missing  map[string]int64 // bytes that had been dropped, by stream

	have map[string]int64 // how far each stream has been joined
	next int64            // seq of the next chunk
	seen bool             // something has been attached to
}

// Follow joins the output until completed has come, and fails where a byte is
// wrong, comes twice, or is missing and not accounted for.
func (r *Reader) Follow() error {
	r.Missing, r.have = map[string]int64{}, map[string]int64{}
	fruitless := 0 // connections that brought no chunk
	for range 2000 {
		w, err := Dial(r.Addr)
		if err != nil {
			return err
		}
		if r.Stop != nil && r.Attached == 0 {
			_ = w.conn.SetReadBuffer(64 << 10) // else the socket swallows megabytes
		}
		if r.Cut > 0 {
			w.CutAfter(r.Rand.IntN(2*r.Cut) << min(fruitless, 20))
		}
		before := r.next
		over, err := r.attach(w)
		w.Close()
		if over || err != nil {
			return err
		}
		if fruitless++; r.next > before {
			fruitless = 0
		}
	}
	return errors.New("the execution did not come to its end")
}

// Own follows an execution that was started on the connection itself, and is
// attached to from the first byte on for that reason.
func (r *Reader) Own(w *Wire) error {
	r.Missing, r.have, r.seen = map[string]int64{}, map[string]int64{}, true
	defer w.Close()
	over, err := r.read(w)
	if err == nil && !over {
		return r.Follow()
	}
	return err
}

func (r *Reader) attach(w *Wire) (over bool, err error) {
	params := protocol.ExecutionAttach{SessionID: r.Session, ExecutionID: r.Execution}
	if r.seen {
		params.FromSeq = &r.next
	}
	var snap protocol.ExecutionSnapshot
	err = w.Call(protocol.MethodExecutionAttach, &params, &snap, nil)
	if err == nil {
		r.seen = true
		r.Attached++
		err = r.resume(snap)
		if err != nil {
			return false, err
		}
		return r.read(w)
	}
	return false, r.mayComeBack(err)
}

// resume accounts for what was dropped meanwhile.
func (r *Reader) resume(snap protocol.ExecutionSnapshot) error {
	if snap.NextSeq < r.next || snap.FirstSeq > snap.NextSeq {
		return fmt.Errorf("chunks %d to %d are kept, %d has been read", snap.FirstSeq, snap.NextSeq, r.next)
	}
	dropped := map[string]int64{"stdout": snap.DroppedBytes.Stdout, "stderr": snap.DroppedBytes.Stderr}
	if snap.FirstSeq <= r.next {
		for stream, n := range dropped {
			if n > r.have[stream] {
				return fmt.Errorf("%s: %d bytes are dropped, but only %d have been read and firstSeq is %d of %d",
					stream, n, r.have[stream], snap.FirstSeq, r.next)
			}
		}
		return nil
	}
	r.next = snap.FirstSeq
	for stream, n := range dropped {
		if n < r.have[stream] {
			return fmt.Errorf("%s: %d bytes are dropped, but %d have been read and later chunks are gone", stream, n, r.have[stream])
		}
		r.Missing[stream] += n - r.have[stream]
		r.have[stream] = n
	}
	return nil
}

// read reads until the end of the execution or the connection.
func (r *Reader) read(w *Wire) (over bool, err error) {
	w.pace = func(int) {
		if r.Doze > 0 && r.Rand.IntN(4) == 0 {
			time.Sleep(rand.N(r.Doze))
		}
	}
	if r.Stop != nil && r.Attached == 1 {
		r.Stop()
	}
	for {
		m, err := w.Receive()
		if err != nil {
			return false, r.mayComeBack(err)
		}
		switch m.Method {
		case protocol.NotifyOutput:
			if err := r.join(&m.Params); err != nil {
				return false, err
			}
		case protocol.NotifyCompleted:
			return true, r.finish()
		}
	}
}

// mayComeBack is nil for the ends of a connection that are part of the game.
func (r *Reader) mayComeBack(err error) error {
	var closed *Closed
	switch {
	case errors.Is(err, ErrCut):
		return nil
	case errors.As(err, &closed) && closed.Code == 1013 && closed.Reason == "slow consumer":
		r.Slow++
		return nil
	case r.Stop != nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err)):
		return nil // it came back too late for the close frame
	}
	return err
}

// join takes one chunk.
func (r *Reader) join(p *protocol.ExecutionOutput) error {
	data := []byte(p.Data)
	if p.Encoding == protocol.Base64 {
		var err error
		if data, err = base64.StdEncoding.DecodeString(p.Data); err != nil {
			return err
		}
	}
	wrote := r.Wrote[p.Stream]
	end := p.Offset + int64(len(data))
	switch {
	case p.ExecutionID != r.Execution || p.SessionID != r.Session:
		return fmt.Errorf("output of execution %s came to %s", p.ExecutionID, r.Execution)
	case p.Seq != r.next || p.Offset != r.have[p.Stream]:
		return fmt.Errorf("%s: chunk %d at %d; wanted %d at %d", p.Stream, p.Seq, p.Offset, r.next, r.have[p.Stream])
	case len(data) == 0 || end > int64(len(wrote)) || !bytes.Equal(data, wrote[p.Offset:end]):
		return fmt.Errorf("%s: chunk %d at %d is not what was written there", p.Stream, p.Seq, p.Offset)
	}
	r.next, r.have[p.Stream] = p.Seq+1, end
	return nil
}

// finish checks that nothing is missing at the end.
func (r *Reader) finish() error {
	for stream, wrote := range r.Wrote {
		if r.have[stream] != int64(len(wrote)) {
			return fmt.Errorf("%s: completed after %d of %d bytes", stream, r.have[stream], len(wrote))
		}
	}
	return nil
}
