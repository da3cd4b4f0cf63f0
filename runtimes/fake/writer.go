package fake

import "github.com/codebeaker/codebeaker/runtimes"

// writer is one output stream of a program.
type writer struct {
	p    *process
	kind runtimes.Stream
}

func (p *process) stream(s runtimes.Stream) runtimes.Stream {
	if p.cmd.Terminal != nil {
		return runtimes.Terminal
	}
	return s
}

// Write hands data to the sink, as much at a time as the window has room for,
// and waits for grants in between.
func (w writer) Write(data []byte) (written int, err error) {
	for written < len(data) {
		n, err := w.p.reserve(w.kind, len(data)-written)
		if n > 0 {
			w.p.sink.Output(w.kind, data[written:written+n])
			written += n
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// reserve takes up to n bytes of the window and of the output limit for a
// stream. Over the limit the program is killed.
func (p *process) reserve(kind runtimes.Stream, n int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.window <= 0 && p.killer == 0 {
		p.changed.Wait()
	}
	if p.killer != 0 {
		return 0, ErrKilled
	}
	n = min(n, p.window)
	if p.left >= 0 && int64(n) > p.left {
		n = int(p.left)
		p.left, p.window, p.cut[kind-1] = 0, p.window-n, true
		p.reasonLocked(runtimes.OutputLimitExceeded)
		p.killLocked(runtimes.SIGKILL)
		return n, ErrKilled
	}
	if p.left >= 0 {
		p.left -= int64(n)
	}
	p.window -= n
	return n, nil
}
