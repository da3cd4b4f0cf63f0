package transport

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

func sessionExecute(c *call, params jsonrpc.Raw) error {
	p := &c.execute
	if err := decodeParams(params, p); err != nil {
		return err
	}
	s, err := c.conn.lookup(p.SessionID)
	if err != nil {
		return err
	}
	server := c.conn.server
	c.request, err = server.convert.execute(p, c.conn.ws != nil)
	if err != nil {
		return err
	}
	if err := server.capable(s.runtime, c.request.Command); err != nil {
		return err
	}
	if read, ok := c.request.Command.(*runtimes.ReadFile); ok {
		c.conn.shortenRead(read)
	}
	if c.request.Stream && c.conn.streamsFull() {
		return errStreams
	}
	c.convert, c.running = toExecuteResult, true
	server.running.Add(1)
	return c.sendExecute(s)
}

// shortenRead makes a read no longer than what the connection takes; the result
// says that the file goes on.
func (cn *connection) shortenRead(r *runtimes.ReadFile) {
	if most := int64(cn.most()); most > 0 && (r.Length == 0 || r.Length > most) {
		r.Length = min(most, runtimes.MaxRead)
	}
}

func (c *call) sendExecute(s *known) error {
	if !c.request.KillOnDisconnect {
		c.sendTo(s.Session, &c.request)
		return nil
	}
	cn := c.conn
	c.request.Sink = cn
	if !cn.tell(s.Session, func() { c.sendTo(s.Session, &c.request) }) {
		return context.Cause(cn.ctx)
	}
	return nil
}

// capable refuses a command that the session's runtime cannot do. A runtime
// that is not available at the moment says nothing about it.
func (s *Server) capable(t runtimes.Type, command any) error {
	program, ok := command.(*runtimes.Command)
	if !ok {
		return nil
	}
	a := s.registry.Offer(t).Availability
	switch {
	case a.Available && !a.Processes:
		return paramError("type", "execute_shell is not among the capabilities of %v", t)
	case a.Available && program.Terminal != nil && !a.Terminal:
		return paramError("command.pty", "a terminal is not among the capabilities of %v", t)
	}
	return nil
}

// Follow is actors.Follower's: the command of this call will have output. A
// foreground stream is open from the start and is first pulled when its program
// runs, so that of the commands of a session each is told started in the order
// in which they run. In the background the client learns the id from the reply.
func (c *call) Follow(log *output.Log) {
	s := c.conn.newStream(c.session.ID(), log)
	s.opened.Store(!c.request.Background)
	if _, err := c.conn.follow(s, log, 0); err != nil {
		c.conn.server.log.Error("stream lost", "execution", log.ID(), "error", err)
		return
	}
	c.stream = s
	if c.request.Background {
		c.after = (*call).openStream
	}
}

func (c *call) openStream() { c.stream.open() }

func toExecuteResult(c *call, result any) (any, error) {
	switch r := result.(type) {
	case *actors.Outcome:
		return c.outcome.of(r, c.room()), nil
	case *actors.Started:
		return c.outcome.started(r), nil
	}
	return nil, unexpected(result)
}

func unexpected(result any) error {
	return fmt.Errorf("%w: unexpected result %T", actors.ErrInternal, result)
}

// resultOf is the result of a request, of the type that the request documents.
func resultOf[T any](result any) (T, error) {
	r, ok := result.(T)
	if !ok {
		return r, unexpected(result)
	}
	return r, nil
}

// sizeOf is about how many bytes the content of a result has, 0 for what is
// small.
func sizeOf(result any) int {
	switch r := result.(type) {
	case *actors.Outcome:
		return sizeOfOutcome(r)
	case *actors.Waited:
		if r.Outcome != nil {
			return sizeOfOutcome(r.Outcome)
		}
	case *actors.ExecutionList:
		return len(r.Executions) * 200
	}
	return 0
}

func sizeOfOutcome(o *actors.Outcome) int {
	switch r := o.Result.(type) {
	case *actors.ProcessResult:
		return len(r.Stdout.Data) + len(r.Stderr.Data)
	case *runtimes.FileContent:
		return len(r.Content)
	case *runtimes.Listing:
		return len(r.Entries) * 150
	}
	return 0
}

// maxStreams bounds the executions whose output one connection receives.
const maxStreams = 256

var errStreams = &actors.BusyError{Limit: "streams", Maximum: maxStreams, RetryAfter: time.Second}

func (cn *connection) streamsFull() bool {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	return len(cn.streams) >= maxStreams
}

func executionList(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionList
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := identifier("sessionId", p.SessionID); err != nil {
		return err
	}
	limit, err := integer("limit", p.Limit, maxPageExecutions, 1, maxPageExecutions)
	if err != nil {
		return err
	}
	after := ""
	if p.Cursor != nil {
		if after, err = required("cursor", p.Cursor, maxIDBytes); err != nil {
			return err
		}
	}
	c.convert = func(c *call, result any) (any, error) {
		list, err := resultOf[*actors.ExecutionList](result)
		if err != nil {
			return nil, err
		}
		page := executionPage(list.Executions, after, int(limit))
		if most := c.room(); most > 0 {
			fitExecutions(page, most)
		}
		return page, nil
	}
	return c.send(p.SessionID, &actors.ListExecutions{})
}

// ids checks the ids of a session and an execution.
func ids(session, execution string) error {
	if err := identifier("sessionId", session); err != nil {
		return err
	}
	return identifier("executionId", execution)
}

func executionAttach(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionAttach
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	from, err := integer("fromSeq", p.FromSeq, output.Oldest, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	if c.conn.streamsFull() {
		return errStreams
	}
	c.from, c.convert = from, toAttached
	return c.send(p.SessionID, &actors.OpenExecution{Execution: p.ExecutionID})
}

// toAttached subscribes to the log; the stream opens once the reply is queued.
func toAttached(c *call, result any) (any, error) {
	log, err := resultOf[*output.Log](result)
	if err != nil {
		return nil, err
	}
	s := c.conn.newStream(c.session.ID(), log)
	snap, err := c.conn.follow(s, log, c.from)
	if err != nil {
		return nil, err
	}
	c.stream, c.after = s, (*call).openStream
	return snapshot(&snap), nil
}

func executionDetach(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionRef
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	if s := c.conn.findStream(p.SessionID, p.ExecutionID); s != nil {
		c.conn.removeStream(s)
		s.stop()
	}
	// The session says whether there is such an execution.
	c.convert = func(*call, any) (any, error) { return &protocol.Empty{}, nil }
	return c.send(p.SessionID, &actors.OpenExecution{Execution: p.ExecutionID})
}

func executionWait(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionWait
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	r := &actors.WaitExecution{Execution: p.ExecutionID}
	if p.TimeoutMs != nil {
		ms, err := integer("timeoutMs", p.TimeoutMs, 0, 0, c.conn.server.convert.policy.MaxTimeout.Milliseconds())
		if err != nil {
			return err
		}
		// Zero asks how it is now; to the session zero means for ever.
		r.Timeout = max(time.Duration(ms)*time.Millisecond, 1)
	}
	c.convert = toWaited
	return c.send(p.SessionID, r)
}

func toWaited(c *call, result any) (any, error) {
	w, err := resultOf[*actors.Waited](result)
	if err != nil {
		return nil, err
	}
	wire := &protocol.ExecutionWaited{State: w.State.String()}
	if w.Outcome != nil {
		wire.Result = c.outcome.of(w.Outcome, c.room())
	}
	return wire, nil
}

func executionInput(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionInput
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	data, err := decodeBytes("data", p.Data, p.Encoding, c.conn.server.convert.policy.MaxStdinBytes)
	if err != nil {
		return err
	}
	c.convert = toAccepted
	return c.send(p.SessionID, &actors.Input{Execution: p.ExecutionID, Data: data, EOF: p.EOF})
}

func toAccepted(_ *call, result any) (any, error) {
	a, err := resultOf[*actors.Accepted](result)
	if err != nil {
		return nil, err
	}
	return &protocol.InputAccepted{AcceptedBytes: a.Bytes}, nil
}

func executionSignal(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionSignal
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	if p.Signal == "" {
		return paramError("signal", "is required")
	}
	signal, ok := runtimes.ParseSignal(p.Signal)
	if !ok {
		return paramError("signal", "must be the name of a signal, as SIGINT")
	}
	c.convert = toDelivered
	return c.send(p.SessionID, &actors.SendSignal{Execution: p.ExecutionID, Signal: signal})
}

func toDelivered(_ *call, result any) (any, error) {
	d, err := resultOf[*actors.Delivered](result)
	if err != nil {
		return nil, err
	}
	return &protocol.SignalDelivered{Delivered: d.Delivered}, nil
}

func executionResize(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionResize
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	for _, m := range []struct {
		name string
		v    *int64
	}{{"cols", p.Cols}, {"rows", p.Rows}} {
		if m.v == nil {
			return paramError(m.name, "is required")
		}
	}
	size, err := terminal("", p.Cols, p.Rows)
	if err != nil {
		return err
	}
	c.convert = toEmpty
	return c.send(p.SessionID, &actors.Resize{Execution: p.ExecutionID, Size: *size})
}
