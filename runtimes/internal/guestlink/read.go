package guestlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// read is the only goroutine that reads. It ends with the link, and is then
// the one that tells all executions.
func (l *Link) read(reader *frame.Reader) {
	for {
		h, payload, err := reader.Next()
		if err == nil {
			err = l.handle(h, payload)
		} else {
			err = streamError(err)
		}
		if err != nil {
			l.fail(err)
			break
		}
	}
	l.end()
}

func streamError(err error) error {
	if errors.Is(err, io.EOF) {
		return errGone
	}
	return fmt.Errorf("read from the agent: %w", err)
}

// end tells every execution and everybody who waits.
func (l *Link) end() {
	l.writer.close()
	l.mu.Lock()
	left := l.processes
	l.processes = nil
	lost := !l.closed
	l.mu.Unlock()
	for _, p := range left {
		p.lost()
	}
	l.ending.Wait()
	if err := l.closeGroups(); err != nil {
		l.log.Error("programs of a lost agent could not be ended", "reason", err)
	}
	close(l.done)
	if lost {
		close(l.lost)
	}
}

// handle takes one frame. It never waits. An error ends the link.
func (l *Link) handle(h frame.Header, payload []byte) error {
	if h.Kind == frame.KindFileReply || h.Kind == frame.KindBody {
		return l.answered(h, payload)
	}
	if h.Execution == 0 {
		if h.Kind == frame.KindPong {
			return l.pong(payload)
		}
		return protocolError("%v about no execution", h.Kind)
	}
	l.mu.Lock()
	p := l.processes[h.Execution]
	late := p == nil && h.Execution <= l.last && mayBeLate[h.Kind]
	l.mu.Unlock()
	if late {
		return nil
	}
	if p == nil {
		return protocolError("%v about execution %d, which is not", h.Kind, h.Execution)
	}
	return p.handle(h, payload)
}

// mayBeLate are the kinds that an honest agent may send about an execution of
// which it has just told the end: answers to what was under way, and news of
// what it watched beside.
var mayBeLate = map[frame.Kind]bool{
	frame.KindSignalled: true, frame.KindCPUExceeded: true, frame.KindInputCredit: true, frame.KindInputClosed: true,
}

func pingPayload(number uint64) []byte { return binary.LittleEndian.AppendUint64(nil, number) }

func (l *Link) pong(payload []byte) error {
	if len(payload) != 8 {
		return protocolError("a Pong of %d bytes", len(payload))
	}
	number := binary.LittleEndian.Uint64(payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	if pong := l.pings[number]; pong != nil {
		close(pong)
		delete(l.pings, number)
	}
	return nil // one that nobody waits for any more
}
