package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// agent is the whole program: the stream, the executions, and the two
// goroutines that start and reap their processes.
type agent struct {
	conn    *conn
	reader  *frame.Reader
	hello   frame.Hello
	env     []string // of every program
	slots   map[int][]*os.File
	null    int // the null device for standard input; -1 without
	pid     int
	ownProc bool            // /proc counts processes as the agent does
	keeps   bool            // programs have keepers
	filter  *unix.SockFprog // that programs are put under; nil: the agent is, and so they are
	table   *table
	files   *fileCalls // nil: the server sees the workspace
	starter *starter
	// oomScore is this process' oom_score_adj, nil for none, and ownScore what it
	// has there.
	oomScore *os.File
	ownScore []byte
}

func newAgent(c *conn) *agent {
	return &agent{conn: c, reader: frame.NewReader(c, frame.MaxControl), slots: make(map[int][]*os.File)}
}

// serve shakes hands with the server and does as it says until the stream ends. The end
// of the stream is no error: the server has no further use for us.
func (a *agent) serve() error {
	if err := a.handshake(); err != nil {
		return err
	}
	go a.table.reap()
	go a.starter.run()
	defer a.killAll()
	for {
		h, payload, err := a.reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read from the server: %w", err)
		}
		if err := a.handle(h, payload); err != nil {
			return fmt.Errorf("%v of execution %d: %w", h.Kind, h.Execution, err)
		}
	}
}

func (a *agent) groups() frame.Groups { return a.hello.Groups }

// handle acts on one frame. It never waits for a program. An error means
// that the server broke the protocol.
func (a *agent) handle(h frame.Header, payload []byte) error {
	switch h.Kind {
	case frame.KindPing:
		a.conn.send(frame.Header{Kind: frame.KindPong}, payload)
		return nil
	case frame.KindStart:
		return a.start(h.Execution, payload)
	case frame.KindCPUs:
		return a.place(payload)
	case frame.KindAssign:
		return a.assign(payload)
	case frame.KindReserve:
		return a.reserve(h.Execution, payload)
	case frame.KindFileCall, frame.KindBody:
		return a.files.take(h, payload)
	}
	if x := a.table.find(h.Execution); x != nil {
		return x.handle(h, payload)
	}
	return nil // it has ended: the frame was under way when Exited was sent
}

func (a *agent) start(id uint32, payload []byte) error {
	var spec frame.Start
	if err := json.Unmarshal(payload, &spec); err != nil {
		return err
	}
	group, err := a.group(spec)
	if err != nil {
		return err
	}
	x, err := newExecution(a, id, spec, group)
	if err != nil {
		return err
	}
	a.starter.queue(x)
	return nil
}

// assign takes up what a session asks for.
func (a *agent) assign(payload []byte) error {
	var ask frame.Assign
	if err := json.Unmarshal(payload, &ask); err != nil {
		return err
	}
	if ask.Env != nil {
		a.env = ask.Env
	}
	return nil
}

// group returns the descriptors of the execution's control group. New ones take
// the place of those of a group that is no more.
func (a *agent) group(spec frame.Start) ([]*os.File, error) {
	if spec.Descriptors > 0 {
		files, err := a.conn.take(spec.Descriptors)
		if err != nil {
			return nil, err
		}
		for _, f := range a.slots[spec.Slot] {
			f.Close()
		}
		a.slots[spec.Slot] = files
	}
	files := a.slots[spec.Slot]
	if len(files) == 0 && spec.Slot != 0 {
		return nil, fmt.Errorf("slot %d is empty", spec.Slot)
	}
	return files, nil
}

// gcPercent is lower than Go's own: the agent shares the memory of its session,
// and has little garbage to collect.
const gcPercent = 50

// processors is one: what the agent does for a program is a chain of short
// steps, and each that another thread took would be a thread to wake. While the
// kernel loads a program the others' traffic waits, a third of a millisecond.
const processors = 1

// Main runs the agent with the arguments of its program and returns the exit
// code.
func Main(args []string) int {
	debug.SetGCPercent(gcPercent)
	if len(args) == 2 && args[0] == "-tunnel" {
		return exitCode(tunnelFor(args[1]))
	}
	return exitCode(run(args))
}

// exitCode is that of a run that ended so.
func exitCode(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		return 1
	}
	return 0
}

func run(args []string) error {
	runtime.GOMAXPROCS(processors)
	catchSignals()
	if err := keepDescriptors(); err != nil {
		return err
	}
	conn, err := connect(args)
	if err != nil {
		return err
	}
	return newAgent(conn).serve()
}

// connect finds the stream that the arguments name.
func connect(args []string) (*conn, error) {
	switch {
	case len(args) == 0:
		return inherited(3)
	case len(args) == 1 && args[0] == "-stdio":
		return standardStreams()
	case len(args) == 2 && args[0] == "-dial":
		return dial(args[1])
	}
	return nil, errors.New("usage: guest [-dial PATH | -stdio | -tunnel PATH]")
}

// handshake waits for Hello, sets the agent up as it says and answers. A step that fails is
// told to the server before the agent ends: half a confinement is none.
func (a *agent) handshake() error {
	h, payload, err := a.reader.Next()
	if err != nil {
		return fmt.Errorf("wait for hello: %w", err)
	}
	if h.Kind != frame.KindHello {
		return fmt.Errorf("the first frame is a %v", h.Kind)
	}
	report, err := a.setUp(payload)
	if err != nil {
		a.conn.send(frame.Header{Kind: frame.KindFailed}, []byte(err.Error()))
		return err
	}
	a.env = a.hello.Env
	answer, err := json.Marshal(report)
	if err != nil {
		return err
	}
	a.conn.send(frame.Header{Kind: frame.KindReady}, answer)
	return nil
}
