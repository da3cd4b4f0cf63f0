package guestlink

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// reserving is the Reserve under way. Its zero value is none.
type reserving struct {
	turn sync.Mutex // one at a time

	mu     sync.Mutex
	number uint32
	answer chan syscall.Errno // nil: nobody waits
}

// memorySlack is what the kernel's figures of a group may be behind by.
const memorySlack = 2 << 20

// Reserve has the agent allocate a part of an open file, fallocate(2), so that
// its memory is charged to the environment. grows is how much memory that takes
// at most: where the environment has less it is refused, since the kernel would
// end the agent, if there is no program to end. The error is
// the agent's errno(3), ENOMEM for want of memory.
// Errors: errors.ErrUnsupported without control groups that limit memory;
// runtimes.ErrEnvironmentLost.
func (l *Link) Reserve(f *os.File, offset, length, grows int64) error {
	if _, passes := l.conn.(*net.UnixConn); !passes || l.groups == nil || l.groups.memoryLimit() == 0 {
		return errors.ErrUnsupported
	}
	l.reserving.turn.Lock()
	defer l.reserving.turn.Unlock()
	if free, known := l.groups.environment.Free(); known && grows > free-memorySlack {
		return syscall.ENOMEM
	}
	l.reserving.mu.Lock()
	l.reserving.number++
	number, answer := l.reserving.number, make(chan syscall.Errno, 1)
	l.reserving.answer = answer
	l.reserving.mu.Unlock()
	payload := binary.LittleEndian.AppendUint64(nil, uint64(offset))
	payload = binary.LittleEndian.AppendUint64(payload, uint64(length))
	l.writer.send(frame.Header{Kind: frame.KindReserve, Execution: number}, payload, f)
	late := time.AfterFunc(fileTimeout, func() { l.fail(protocolError("no answer to Reserve for %v", fileTimeout)) })
	defer late.Stop()
	select { // whatever the caller's context: the file is to stay open until then
	case errno := <-answer:
		if errno == 0 {
			return nil
		}
		return errno
	case <-l.done:
		return runtimes.ErrEnvironmentLost
	}
}

// reserved takes a Reserved frame.
func (l *Link) reserved(h frame.Header, payload []byte) error {
	l.reserving.mu.Lock()
	defer l.reserving.mu.Unlock()
	if l.reserving.answer == nil || h.Execution != l.reserving.number || len(payload) != 4 {
		return protocolError("%v without a question", h.Kind)
	}
	l.reserving.answer <- syscall.Errno(binary.LittleEndian.Uint32(payload))
	l.reserving.answer = nil
	return nil
}
