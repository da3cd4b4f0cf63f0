package guestlink

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// maxQueued bounds what waits for the agent to read, in bytes. An honest agent
// always reads; what is sent to it is bounded by credit.
const maxQueued = 2 * frame.MaxControl

// writer sends frames. Callers never wait: one goroutine writes what has
// gathered.
type writer struct {
	conn io.Writer
	fail func(error)

	mu     sync.Mutex
	more   sync.Cond // something was queued
	less   sync.Cond // the queue was taken
	queue  []byte
	rights []rights
	busy   bool // the goroutine writes
	closed bool
	done   chan struct{}
}

// rights are descriptors that go with the frame at offset of the queue.
type rights struct {
	offset int
	files  []*os.File
}

func newWriter(conn io.Writer, fail func(error)) *writer {
	w := &writer{conn: conn, fail: fail, done: make(chan struct{})}
	w.more.L, w.less.L = &w.mu, &w.mu
	go w.run()
	return w
}

// send queues a frame, with descriptors if there are any. The files are to
// stay open until the agent has answered the frame.
func (w *writer) send(h frame.Header, payload []byte, files ...*os.File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sendLocked(h, payload, files...)
}

func (w *writer) sendLocked(h frame.Header, payload []byte, files ...*os.File) {
	if w.closed {
		return
	}
	if len(w.queue) > maxQueued {
		go w.fail(errors.New("the agent does not read"))
		return
	}
	if len(files) > 0 {
		w.rights = append(w.rights, rights{len(w.queue), files})
	}
	w.queue = frame.Append(w.queue, h, payload)
	w.more.Signal()
}

// sendNow sends a frame from here, as far as the stream takes it at once and nothing
// is queued before it: that spares the time of waking the goroutine.
func (w *writer) sendNow(h frame.Header, payload []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy || w.closed || len(w.queue) > 0 {
		w.sendLocked(h, payload)
		return
	}
	whole := frame.Append(make([]byte, 0, frame.HeaderSize+len(payload)), h, payload)
	if n := writeAtOnce(w.conn, whole); n < len(whole) { // an error is the goroutine's to meet
		w.queue = append(w.queue, whole[n:]...)
		w.more.Signal()
	}
}

// sendBody sends content in parts, and the empty part that ends it. It waits
// while much is queued, so that a large file does not hold up other frames.
func (w *writer) sendBody(number uint32, content []byte) {
	h := frame.Header{Kind: frame.KindBody, Execution: number}
	for len(content) > 0 {
		n := min(len(content), frame.MaxData)
		w.mu.Lock()
		for len(w.queue) > 2*frame.MaxData && !w.closed {
			w.less.Wait()
		}
		w.mu.Unlock()
		w.send(h, content[:n])
		content = content[n:]
	}
	w.send(h, nil)
}

// close ends the goroutine; its stream has been closed before.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.more.Signal()
	w.less.Broadcast()
	w.mu.Unlock()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	for {
		queue, rights, ok := w.next()
		if !ok {
			return
		}
		if err := w.write(queue, rights); err != nil {
			w.fail(fmt.Errorf("write to the agent: %w", err))
			return
		}
	}
}

func (w *writer) next() ([]byte, []rights, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	for len(w.queue) == 0 && !w.closed {
		w.more.Wait()
	}
	if w.closed {
		return nil, nil, false
	}
	w.busy = true
	queue, rights := w.queue, w.rights
	w.queue, w.rights = nil, nil
	w.less.Broadcast()
	return queue, rights, true
}

// write writes a batch. A stream that takes nothing for writeTimeout is
// closed, which ends the write.
func (w *writer) write(queue []byte, all []rights) error {
	late := time.AfterFunc(writeTimeout, func() {
		w.fail(fmt.Errorf("the agent read nothing for %v", writeTimeout))
	})
	defer late.Stop()
	written := 0
	for _, r := range all {
		if _, err := w.conn.Write(queue[written:r.offset]); err != nil {
			return err
		}
		n, err := w.writeRights(queue[r.offset:], r.files)
		if err != nil {
			return err
		}
		written = r.offset + n
	}
	_, err := w.conn.Write(queue[written:])
	return err
}

// writeRights writes the beginning of a frame with its descriptors, unix(7).
func (w *writer) writeRights(b []byte, files []*os.File) (int, error) {
	conn, ok := w.conn.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("a %T carries no descriptors", w.conn)
	}
	control, err := unixRights(files)
	if err != nil {
		return 0, err
	}
	n, _, err := conn.WriteMsgUnix(b[:frame.HeaderSize], control, nil)
	return n, err
}
