package transport

import (
	"context"
	"fmt"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
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
