package egress

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

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
	told    *bufio.Scanner // lines of Counts; no line is longer than a buffer
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

// wait counts what the relay tells until it ends, and returns why it did.
func (p *relayProcess) wait() (why string) {
	var before Counts
	for p.told.Scan() {
		var now Counts
		if json.Unmarshal(p.told.Bytes(), &now) == nil {
			p.counted(now.sub(before))
			before = now
		}
	}
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
