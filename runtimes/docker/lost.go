package docker

import "sync"

// losses is what happens once when an environment is lost. The zero value is
// ready, except for the channel.
type losses struct {
	happened chan struct{} // closed by announce

	mu     sync.Mutex
	done   bool
	notify []func()
}

// announce closes the channel and calls who asked for it.
func (l *losses) announce() {
	l.mu.Lock()
	calls := l.notify
	l.notify, l.done = nil, true
	l.mu.Unlock()
	close(l.happened)
	for _, call := range calls {
		call()
	}
}

func (l *losses) tell(f func()) {
	l.mu.Lock()
	if !l.done {
		l.notify = append(l.notify, f)
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	f()
}

// Lost is closed when the container or its agent is gone without Close.
func (e *Environment) Lost() <-chan struct{} { return e.losses.happened }

// NotifyLost calls f once when the environment is lost, at once when it is
// already. f must not block.
func (e *Environment) NotifyLost(f func()) { e.losses.tell(f) }

// attend waits for the end of the link, which is the first sign of a loss.
func (e *Environment) attend() {
	select {
	case <-e.link.Lost():
		e.lose("the link to its agent ended")
	case <-e.closing:
	}
}

// lose says that the environment is gone. It may be called at any time and by
// several; after Close it does nothing.
func (e *Environment) lose(why string) {
	e.lostOnce.Do(func() {
		select {
		case <-e.closing:
			return
		default:
		}
		e.r.log.Warn("an environment is lost", "container", e.container, "reason", why, "error", e.link.Err())
		// Every process is told before whoever waits for Lost acts on it.
		e.link.Close()
		e.witnesses.Wait()
		e.losses.announce()
	})
}
