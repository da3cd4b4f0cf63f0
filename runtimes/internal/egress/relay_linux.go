package egress

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
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
	flows   teller

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

// Tell has every flow told from now on: after its end, on one goroutine at a
// time, by f, which must not block. Some may stand for many: see
// runtimes.NetworkFlow.
func (r *Relay) Tell(f func(runtimes.NetworkFlow)) { r.flows.to.Store(&f) }

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
		why := p.wait(&r.flows)
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
			p.wait(&r.flows)
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

const (
	// startTimeout bounds how long a relay may take to serve.
	startTimeout = 10 * time.Second
	// lastWords is how long a relay has to tell its counts before it is killed.
	lastWords = 300 * time.Millisecond
	nobody    = 65534
	// maxComplaint bounds what is kept of a relay's standard error.
	maxComplaint = 4 << 10
)

// relayProcess is one life of a relay.
type relayProcess struct {
	command *exec.Cmd
	pipe    io.WriteCloser // its end ends the relay
	told    *bufio.Scanner // see line; none is longer than a buffer
	stderr  limited
	counted func(Counts)
	ending  sync.Once
}

// startProcess starts this program once more, as a relay, and waits until it
// serves. It has nothing of the server's but the device and the pipes.
func startProcess(device *os.File, o Options) (*relayProcess, error) {
	p := &relayProcess{counted: o.Counters.Add, stderr: limited{left: maxComplaint}}
	p.command = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{relayName}, Env: []string{}, Dir: "/",
		ExtraFiles: []*os.File{device}, Stderr: &p.stderr, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if os.Geteuid() == 0 {
		user := uint32(cmp.Or(o.UID, nobody))
		p.command.SysProcAttr.Credential = &syscall.Credential{Uid: user, Gid: user}
	}
	if err := p.begin(o.Policy); err != nil {
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	return p, nil
}

// begin returns once the relay has told its first counts.
func (p *relayProcess) begin(policy Policy) (err error) {
	if p.pipe, err = p.command.StdinPipe(); err != nil {
		return err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return err
	}
	p.told = bufio.NewScanner(out)
	if err := p.command.Start(); err != nil {
		return err
	}
	late := time.AfterFunc(startTimeout, p.kill)
	defer late.Stop()
	err = json.NewEncoder(p.pipe).Encode(policy)
	if err == nil && p.told.Scan() {
		return nil
	}
	p.kill()
	return errors.Join(err, p.command.Wait(), errors.New(p.stderr.String()))
}

// wait counts and passes on what the relay tells until it ends, and returns why
// it did.
func (p *relayProcess) wait(flows *teller) (why string) {
	var before Counts
	for p.told.Scan() {
		var told line
		if json.Unmarshal(p.told.Bytes(), &told) != nil {
			continue
		}
		if told.Flow != nil {
			flows.flow(*told.Flow)
		}
		if told.Counts != nil {
			p.counted(told.Counts.sub(before))
			before = *told.Counts
			flows.rest(false)
		}
	}
	flows.rest(true)
	p.kill() // whatever else it does, nobody hears it any more
	err := p.command.Wait()
	return fmt.Sprintf("%v: %s", err, p.stderr.String())
}

// end asks the relay to tell its last counts and to end, and sees to it.
func (p *relayProcess) end() {
	p.ending.Do(func() {
		p.pipe.Close()
		time.AfterFunc(lastWords, p.kill)
	})
}

func (p *relayProcess) kill() { p.command.Process.Kill() }

// limited keeps the first bytes of what a relay says.
type limited struct {
	text bytes.Buffer
	left int
}

// Write drops what is too much.
func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.text.Write(b[:n])
	l.left -= n
	return len(b), nil
}

// String is to be called once the relay has been waited for.
func (l *limited) String() string { return l.text.String() }
