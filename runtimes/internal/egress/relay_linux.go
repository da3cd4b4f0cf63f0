package egress

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// maxRestarts of a relay within restartWindow leave its session without a
	// network: its packets end every relay.
	maxRestarts   = 5
	restartWindow = time.Minute
)

// Relay carries the packets of one session. Its methods are safe for use by
// several goroutines.
type Relay struct {
	options Options
	device  *os.File

	mu      sync.Mutex
	current *relayProcess // nil when there is none any more
	closed  bool
	ended   sync.WaitGroup
}

// Start starts a relay on a TUN device, whose file it takes over, also when it
// fails. When it returns without an error the relay serves.
func Start(device *os.File, o Options) (*Relay, error) {
	if !canRelay.Load() {
		return nil, errors.Join(errors.New("this program cannot be started as a relay: its main does not call RunRelay"), device.Close())
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Counters == nil {
		o.Counters = &Counters{}
	}
	r := &Relay{options: o, device: device}
	first, err := startProcess(device, o)
	if err != nil {
		return nil, errors.Join(err, device.Close())
	}
	r.current = first
	r.ended.Go(func() { r.keep(first) })
	return r, nil
}

// Close ends the relay and with it every connection. When it returns nothing
// of it is left. Idempotent.
func (r *Relay) Close() error {
	r.mu.Lock()
	r.closed = true
	if r.current != nil {
		r.current.end()
	}
	r.mu.Unlock()
	r.ended.Wait()
	if err := r.device.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// PID is the number of the relay's process, 0 while there is none.
func (r *Relay) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return 0
	}
	return r.current.command.Process.Pid
}

// keep starts the relay again when it has died.
func (r *Relay) keep(p *relayProcess) {
	var deaths []time.Time
	for {
		why := p.wait()
		r.mu.Lock()
		closed := r.closed
		r.current = nil
		r.mu.Unlock()
		if closed {
			return
		}
		now := time.Now()
		if deaths = append(deaths, now); len(deaths) > maxRestarts {
			if now.Sub(deaths[0]) < restartWindow {
				r.lost("its relay died too often: " + why)
				return
			}
			deaths = deaths[1:]
		}
		r.options.Logger.Warn("the relay of a session died and is started again", "reason", why)
		next, err := startProcess(r.device, r.options)
		if err != nil {
			r.lost("its relay cannot be started: " + err.Error())
			return
		}
		if p = next; !r.adopt(p) {
			p.end()
			p.wait()
			return
		}
	}
}

// lost tells that the session has no network any more.
func (r *Relay) lost(why string) {
	r.options.Logger.Error("a session has lost its network", "reason", why)
	if r.options.Lost != nil {
		go r.options.Lost() // it may close this relay, which waits for keep
	}
}

// adopt makes p the one that Close ends; false when Close has been called.
func (r *Relay) adopt(p *relayProcess) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.current = p
	}
	return !r.closed
}
