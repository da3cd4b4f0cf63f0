package guestlink

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// Link is the stream to one agent. Its methods are safe for use by several
// goroutines.
type Link struct {
	conn   io.ReadWriteCloser
	log    *slog.Logger
	report Report
	writer *writer
	groups *groups // nil without control groups

	sharedUser bool // Options.SharedUser
	share      *cpus.Share
	reserving  reserving

	ending sync.WaitGroup // executions whose Exited is under way
	lost   chan struct{}
	done   chan struct{} // reader and writer have ended

	mu          sync.Mutex
	err         error // the first reason of the end; nil while it lives
	closed      bool  // the end was asked for
	opening     bool  // whatever ends it now is Open's to tell
	last        uint32
	processes   map[uint32]*process
	call        *fileCall // the file command under way
	lastCall    uint32
	pings       map[uint64]chan struct{}
	lastPing    uint64
	outputLimit int64
	most        int64 // Options.Processes
	stack       int64 // Options.StackBytes
}

// Open sends Hello and waits for the agent to be ready. It takes over conn,
// also when it fails.
// Errors: *HelloError; ctx's cause; those of the stream and of the groups.
func Open(ctx context.Context, conn io.ReadWriteCloser, o Options) (*Link, error) {
	l := &Link{
		conn: conn, log: o.Logger, outputLimit: o.OutputLimit, opening: true, most: o.Processes, stack: o.StackBytes,
		sharedUser: o.SharedUser,
		lost:       make(chan struct{}), done: make(chan struct{}),
		processes: make(map[uint32]*process), pings: make(map[uint64]chan struct{}),
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.writer = newWriter(conn, l.fail)
	l.share = o.Machine.Share(o.CPUs, l.place)
	reader := frame.NewReader(conn, frame.MaxData)
	err := l.handshake(ctx, reader, o)
	if err == nil {
		err = l.makeGroups(o)
	}
	if err != nil {
		l.fail(err)
		l.writer.close()
		if closeErr := l.closeGroups(); closeErr != nil {
			err = errors.Join(err, closeErr)
		}
		return nil, err
	}
	l.mu.Lock()
	l.opening = false
	l.mu.Unlock()
	go l.read(reader)
	return l, nil
}

// makeGroups comes after the agent has set itself up: it has made the environment's
// group its root by then, and may be moved to where the agent lives.
func (l *Link) makeGroups(o Options) (err error) {
	if o.Group != nil {
		l.groups, err = newGroups(o.Group, o.Processes, l.report.UID)
	}
	return err
}

func (l *Link) closeGroups() error {
	if l.groups == nil {
		return nil
	}
	return l.groups.close()
}

// handshake runs before anything else reads. A context or deadline that ends
// closes the stream, which ends the read.
func (l *Link) handshake(ctx context.Context, reader *frame.Reader, o Options) error {
	hello := o.Hello
	ctx, cancel := context.WithTimeoutCause(ctx, helloTimeout, fmt.Errorf("the agent was not ready after %v", helloTimeout))
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.conn.Close() })()
	if o.Group != nil {
		hello.Groups = frame.Groups(o.Group.Version())
	}
	var passed []*os.File
	if o.Tunnel != nil {
		hello.Tunnel, passed = true, []*os.File{o.Tunnel}
	}
	payload, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	l.writer.send(frame.Header{Kind: frame.KindHello}, payload, passed...)
	h, answer, err := reader.Next()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("wait for the agent: %w", err)
	case h.Kind == frame.KindFailed:
		return &HelloError{Message: string(answer[:min(len(answer), 1024)])}
	case h.Kind != frame.KindReady:
		return protocolError("%v instead of Ready", h.Kind)
	}
	if err := json.Unmarshal(answer, &l.report); err != nil {
		return protocolError("Ready: %v", err)
	}
	return nil
}

// place tells the agent on which processors programs run.
func (l *Link) place(numbers []int) {
	var payload []byte
	for _, n := range numbers {
		payload = binary.LittleEndian.AppendUint16(payload, uint16(n))
	}
	l.writer.send(frame.Header{Kind: frame.KindCPUs}, payload)
}

// Report is what the agent said is in force. It was asked before any program
// ran.
func (l *Link) Report() Report { return l.report }

// Lost is closed when the link has ended without Close; every execution has
// been told before.
func (l *Link) Lost() <-chan struct{} { return l.lost }

// Err is the reason why the link ended, nil while it lives.
func (l *Link) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Close ends the link and with it the agent and all its programs, as far as
// the agent can; what else ends them is the owner's matter. Running
// executions are told Exited with EnvironmentLost. Idempotent.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.fail(ErrClosed)
	<-l.done
	return nil
}

// fail ends the link for the first reason given. It does not wait.
func (l *Link) fail(err error) {
	l.mu.Lock()
	first := l.err == nil
	if first {
		l.err = err
	}
	closed := l.closed || l.opening
	l.mu.Unlock()
	if !first {
		return
	}
	if !closed {
		l.log.Warn("the link to an agent is lost", "reason", err)
	}
	l.conn.Close()
}

// Ping waits for the agent to answer.
// Errors: runtimes.ErrEnvironmentLost; ctx's cause.
func (l *Link) Ping(ctx context.Context) error {
	pong := make(chan struct{})
	l.mu.Lock()
	l.lastPing++
	number := l.lastPing
	l.pings[number] = pong
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.pings, number)
	}()
	l.writer.send(frame.Header{Kind: frame.KindPing}, pingPayload(number))
	select {
	case <-pong:
		return nil
	case <-l.done:
		return runtimes.ErrEnvironmentLost
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// What the agent is told and tells; see package frame.
type (
	Hello         = frame.Hello
	User          = frame.User
	Harden        = frame.Harden
	ResourceLimit = frame.ResourceLimit
	Report        = frame.Report
)

// Options say how to use an agent.
type Options struct {
	// Hello tells the agent how to live.
	Hello Hello
	// Group is the environment's control group, in which the agent is; it stays
	// the caller's. Each execution gets a group below it. Nil: there are no
	// control groups, and the agent keeps track of trees and limits.
	Group *cgroup.Group
	// Processes limits the tasks of all programs together, without those of
	// the agent, where Group can. Elsewhere the agent limits so each program,
	// beside the tasks that it finds. Zero is no limit.
	Processes int64
	// SharedUser: others on the host have the uid of the programs. No number of
	// processes is then held without control groups: RLIMIT_NPROC counts all of
	// the uid, setrlimit(2).
	SharedUser bool
	// OutputLimit ends an execution that writes more than so many bytes. Zero
	// is no limit.
	OutputLimit int64
	// CPUs is how many processors all programs together may use; programs run
	// on, and see, that many of those of Machine. Zero is all, and so is no
	// Machine.
	CPUs    float64
	Machine *cpus.Machine
	// StackBytes is how far the stack of a program may grow of which the
	// command says nothing else. Zero leaves it as the agent finds it.
	StackBytes int64
	// Tunnel is a unix socket, whose other end is the caller's, on which the
	// agent passes the network interface that it makes. Nil: it makes none.
	Tunnel *os.File
	// Logger is told when the link is lost; nil is silent.
	Logger *slog.Logger
}

// Deadlines of what an honest agent does at once.
const (
	helloTimeout = 30 * time.Second // a box copies its seeds before it is ready
	replyTimeout = 10 * time.Second
	writeTimeout = 10 * time.Second
	// endTimeout is from SIGKILL to the agent's word that the program is gone.
	endTimeout = 5 * time.Second
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
	if h.Kind == frame.KindReserved {
		return l.reserved(h, payload)
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

var (
	// ErrClosed is the end of a link by Close.
	ErrClosed = errors.New("the link to the agent is closed")
	// errGone is the end of the agent.
	errGone = errors.New("the agent is gone")
)

// HelloError is a step of Hello that the agent could not carry out.
type HelloError struct {
	// Message is the agent's, at most a line. It is for the log: it may name
	// paths of the host.
	Message string
}

// Error gives the message.
func (e *HelloError) Error() string { return "the agent could not set itself up: " + e.Message }

// protocolError is a frame that no honest agent sends.
func protocolError(format string, args ...any) error {
	return fmt.Errorf("the agent broke the protocol: "+format, args...)
}
