package rpc

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

func initialize(_ context.Context, c *call, p *protocol.Initialize) (*protocol.Initialized, error) {
	d, cn := c.conn.door, c.conn
	if p.MaxMessageBytes != nil {
		least, most := int64(protocol.MinMaxMessage), int64(d.mostMessage())
		if *p.MaxMessageBytes < least || *p.MaxMessageBytes > most {
			return nil, rangeError(protocol.MaxMessageMember, least, most)
		}
		cn.bound(int(*p.MaxMessageBytes))
	}
	limits := d.wireLimits()
	limits.MaxMessageBytes = cn.most()
	return &protocol.Initialized{ServerInfo: d.info(), ProtocolVersion: protocol.Version, Limits: limits}, nil
}

func discover(_ context.Context, c *call, _ *protocol.Empty) (*jsonrpc.Raw, error) {
	return &c.conn.door.document, nil
}

func languageList(ctx context.Context, c *call, _ *protocol.Empty) (*protocol.LanguageList, error) {
	all, err := c.conn.service.Languages(ctx)
	return wireLanguages(all), err
}

func runtimeList(ctx context.Context, c *call, _ *protocol.Empty) (*protocol.RuntimeList, error) {
	all, err := c.conn.service.Runtimes(ctx)
	return wireRuntimes(all), err
}

// sessionCreate makes a session. The connection is attached to it from its first
// moment and misses no event, and events wait for the reply.
func sessionCreate(ctx context.Context, c *call, p *protocol.SessionCreate) (*protocol.Session, error) {
	cn := c.conn
	if p.KillOnDisconnect && cn.ws == nil {
		return nil, paramError("killOnDisconnect", "needs a WebSocket: a POST /rpc ends with its reply")
	}
	if cn.ws == nil && len(c.id) == 0 {
		ctx = cn.door.base // nobody waits for it: its POST may be over before it
	}
	asked, err := createOf(p)
	if err != nil {
		return nil, err
	}
	r, err := cn.service.Prepare(&asked)
	if err != nil {
		return nil, err
	}
	if cn.ws == nil {
		_, info, err := cn.service.CreateSession(ctx, r)
		return createdObject(info), err
	}
	_, info, announced, err := cn.service.CreateAttached(ctx, r)
	if err == nil {
		c.after = func(*call) { announced() }
	}
	return createdObject(info), err
}

func createdObject(info *sessions.Info) *protocol.Session {
	if info == nil {
		return nil
	}
	object := sessionObject(info)
	return &object
}

var getInfo = &actors.GetInfo{}

// sessionGet is on the hot path: clients poll it.
func sessionGet(c *call, params jsonrpc.Raw) error {
	id, err := decodeSession(params)
	if err != nil {
		return err
	}
	c.convert = toDetail
	return c.send(id, getInfo)
}

// decodeSession decodes the params of a method that needs a session only.
func decodeSession(params jsonrpc.Raw) (id string, err error) {
	var p protocol.SessionRef
	err = decodeParams(params, &p)
	return p.SessionID, err
}

func toDetail(c *call, result any) (any, error) {
	info, err := sessions.ResultOf[*actors.Info](result)
	if err != nil {
		return nil, err
	}
	c.detail = c.conn.sessionDetail(info, time.Now())
	return &c.detail, nil
}

func keyUsage(ctx context.Context, c *call, _ *protocol.Empty) (*protocol.KeyUsage, error) {
	u, err := c.conn.service.Usage(ctx)
	if err != nil {
		return nil, err
	}
	l := &u.Limits
	return &protocol.KeyUsage{
		Sessions: u.Sessions, MemoryMB: u.MemoryMB, CPUs: u.CPUs, DiskMB: u.DiskMB, CallsPerSecond: u.CallsPerSecond,
		Limits: protocol.KeyLimits{
			CallsPerSecond: orNull(l.Calls), CreatesPerSecond: orNull(l.Creates), BytesPerSecond: orNull(l.Bytes),
			Sessions: orNull(l.Sessions), MemoryMB: orNull(l.MemoryMB), CPUs: orNull(l.CPUs), DiskMB: orNull(l.DiskMB),
		},
	}, nil
}

func sessionList(ctx context.Context, c *call, p *protocol.SessionList) (*protocol.SessionPage, error) {
	found, err := c.conn.service.List(ctx, sessions.List{Limit: p.Limit, After: p.Cursor, Labels: p.Labels})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	page := &protocol.SessionPage{
		Count: len(found.Sessions), Sessions: make([]protocol.SessionDetail, 0, len(found.Sessions)), NextCursor: found.Next,
	}
	for _, info := range found.Sessions {
		page.Sessions = append(page.Sessions, c.conn.sessionDetail(info, now))
	}
	if most := c.room(); most > 0 {
		fitSessions(page, most)
	}
	return page, nil
}

func sessionAttach(ctx context.Context, c *call, p *protocol.SessionRef) (*protocol.Session, error) {
	s, err := c.conn.service.Find(p.SessionID)
	if err != nil {
		return nil, err
	}
	return object(s.Attach(ctx))
}

// object converts a session, unless there is none.
func object(info *sessions.Info, err error) (*protocol.Session, error) {
	if err != nil {
		return nil, err
	}
	o := sessionObject(info)
	return &o, nil
}

func sessionDetach(ctx context.Context, c *call, p *protocol.SessionRef) (*protocol.Empty, error) {
	s, err := c.conn.service.Find(p.SessionID)
	if err != nil {
		return nil, err
	}
	return &protocol.Empty{}, s.Detach(ctx)
}

func sessionExtend(ctx context.Context, c *call, p *protocol.SessionExtend) (*protocol.Session, error) {
	s, err := c.conn.service.Find(p.SessionID)
	if err != nil {
		return nil, err
	}
	return object(s.Extend(ctx, sessions.Extend{
		IdleTimeout: minutes(p.IdleTimeoutMinutes), MaxLifetime: minutes(p.MaxLifetimeMinutes),
	}))
}

// sessionClose is idempotent: an unknown session, or another key's, gets the
// same answer as one that is closed. It is sent here and answered later, so that
// what follows it on the connection finds the session closing.
func sessionClose(c *call, params jsonrpc.Raw) error {
	id, err := decodeSession(params)
	if err != nil {
		return err
	}
	s, err := c.conn.service.Find(id)
	switch {
	case errors.Is(err, actors.ErrSessionNotFound), errors.Is(err, actors.ErrSessionClosed):
		c.finish(&protocol.SessionGone{SessionID: id, Closed: true}, nil)
		return nil
	case err != nil:
		return err
	}
	s.Send(&actors.Call{Request: &actors.Close{}, Caller: c.conn.service.AuditClose(id, &closing{call: c, id: id})})
	return nil
}

// closing is the Caller of a session.close.
type closing struct {
	call *call
	id   string
}

// Reply is actors.Caller's.
func (c *closing) Reply(_ any, err error) {
	c.call.conn.service.Forget(c.id)
	if err != nil && !errors.Is(err, actors.ErrSessionClosed) {
		c.call.finish(nil, err)
		return
	}
	c.call.finish(&protocol.SessionGone{SessionID: c.id, Closed: true}, nil)
}

// sessionExecute is the hot path: everything it needs is in the pooled call.
func sessionExecute(c *call, params jsonrpc.Raw) error {
	p := &c.execute
	if err := decodeParams(params, p); err != nil {
		return err
	}
	s, err := c.conn.service.Find(p.SessionID)
	if err != nil {
		return err
	}
	push := c.conn.ws != nil
	repeated, err := c.command(p, push)
	if err != nil {
		return err
	}
	if c.request, err = s.Prepare(&c.asked); err != nil {
		return err
	}
	c.request.Stream, c.request.Note = p.Stream && push, repeated
	if read, ok := c.request.Command.(*runtimes.ReadFile); ok {
		c.conn.shortenRead(read)
		if c.conn.account != nil {
			c.request.Account = (*readAccount)(c.conn.account)
		}
	}
	c.handOver()
	if c.request.Stream && c.conn.streamsFull() {
		return errStreams
	}
	c.session, c.Caller, c.convert, c.running = s, c, toExecuteResult, true
	c.conn.door.running.Add(1)
	return s.SendExecute(&c.Call, &c.request)
}

// shortenRead makes a read no longer than what the connection takes; the result
// says that the file goes on.
func (cn *connection) shortenRead(r *runtimes.ReadFile) {
	if r.Length == 0 {
		r.Length = runtimes.MaxRead
	}
	if most := int64(cn.most()); most > 0 && r.Length > most {
		r.Length = min(most, runtimes.MaxRead)
	}
}

func toExecuteResult(c *call, result any) (any, error) {
	switch r := result.(type) {
	case *actors.Outcome:
		return c.outcome.of(r, c.room()), nil
	case *actors.Started:
		return c.outcome.started(r), nil
	}
	return nil, actors.Unexpected(result)
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
	case *protocol.ExecutionPage:
		return len(r.Executions) * 200
	case *protocol.SessionPage:
		return len(r.Sessions) * 1000
	}
	return 0
}

// textual reports whether what is large in a result are texts, which are encoded as
// they are written.
func textual(result any) bool {
	o, _ := result.(*actors.Outcome)
	if w, ok := result.(*actors.Waited); ok {
		o = w.Outcome
	}
	if o == nil {
		return false
	}
	switch o.Result.(type) {
	case *actors.DirectoryListing, *actors.CellResult:
		return false
	}
	return true
}

func sizeOfOutcome(o *actors.Outcome) int {
	switch r := o.Result.(type) {
	case *actors.ProcessResult:
		return len(r.Stdout.Data) + len(r.Stderr.Data)
	case *actors.CellResult:
		n := len(r.Stdout.Data) + len(r.Stderr.Data)
		for _, d := range r.Displays {
			n += d.Size() * 4 / 3
		}
		return n
	case *actors.FileRead:
		return len(r.Content)
	case *actors.DirectoryListing:
		return len(r.Entries) * 150
	}
	return 0
}

// maxExecutions bounds a page of executions: more than a session keeps.
const maxExecutions = 2000

func executionList(ctx context.Context, c *call, p *protocol.ExecutionList) (*protocol.ExecutionPage, error) {
	if err := sessions.CheckSession(p.SessionID); err != nil {
		return nil, err
	}
	limit, after := int64(maxExecutions), ""
	if p.Limit != nil {
		if limit = *p.Limit; limit < 1 || limit > maxExecutions {
			return nil, rangeError("limit", 1, int64(maxExecutions))
		}
	}
	if p.Cursor != nil {
		if after = *p.Cursor; after == "" {
			return nil, paramError("cursor", "must not be empty")
		}
	}
	s, err := c.conn.service.Find(p.SessionID)
	if err != nil {
		return nil, err
	}
	all, err := s.Executions(ctx)
	if err != nil {
		return nil, err
	}
	page := executionPage(all, after, int(limit))
	if most := c.room(); most > 0 {
		fitExecutions(page, most)
	}
	return page, nil
}

// ids checks the ids of a session and an execution.
func ids(session, execution string) error {
	if err := sessions.CheckSession(session); err != nil {
		return err
	}
	return sessions.CheckExecution(execution)
}

// execution finds the execution that a request is about.
func (c *call) execution(session, execution string) (sessions.Execution, error) {
	s, err := c.conn.service.Find(session)
	if err != nil {
		return nil, err
	}
	return s.Execution(execution), nil
}

// executionAttach subscribes to the output; the stream opens once the reply is
// queued.
func executionAttach(ctx context.Context, c *call, p *protocol.ExecutionAttach) (*protocol.ExecutionSnapshot, error) {
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return nil, err
	}
	from := output.Oldest
	if p.FromSeq != nil {
		if from = *p.FromSeq; from < 0 {
			return nil, rangeError("fromSeq", 0, int64(math.MaxInt64))
		}
	}
	if c.conn.streamsFull() {
		return nil, errStreams
	}
	s, err := c.conn.service.Find(p.SessionID)
	if err != nil {
		return nil, err
	}
	log, err := s.OpenOutput(ctx, p.ExecutionID)
	if err != nil {
		return nil, err
	}
	made := c.conn.newStream(s.ID(), log)
	snap, err := c.conn.follow(made, log, from)
	if err != nil {
		return nil, err
	}
	c.stream, c.after = made, (*call).openStream
	return snapshot(&snap), nil
}

func executionDetach(ctx context.Context, c *call, p *protocol.ExecutionRef) (*protocol.Empty, error) {
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return nil, err
	}
	if s := c.conn.findStream(p.SessionID, p.ExecutionID); s != nil {
		c.conn.removeStream(s)
		s.stop()
	}
	s, err := c.conn.service.Find(p.SessionID)
	if err != nil {
		return nil, err
	}
	_, err = s.OpenOutput(ctx, p.ExecutionID) // says whether there is such an execution
	return &protocol.Empty{}, err
}

// executionWait is sent here and answered later: what follows it on the
// connection, as a close, finds it waiting. Its result needs what the execution's
// own request noted.
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
		most := c.conn.door.sessions.Policy().MaxTimeout.Milliseconds()
		if *p.TimeoutMs < 0 || *p.TimeoutMs > most {
			return rangeError("timeoutMs", 0, most)
		}
		// Zero asks how it is now; to the session zero means for ever.
		r.Timeout = max(time.Duration(*p.TimeoutMs)*time.Millisecond, 1)
	}
	c.convert = toWaited
	return c.send(p.SessionID, r)
}

func toWaited(c *call, result any) (any, error) {
	w, err := sessions.ResultOf[*actors.Waited](result)
	if err != nil {
		return nil, err
	}
	wire := &protocol.ExecutionWaited{State: w.State.String()}
	if w.Outcome != nil {
		wire.Result = c.outcome.of(w.Outcome, c.room())
	}
	return wire, nil
}

// executionInput is on the hot path: large inputs come in many pieces.
func executionInput(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionInput
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	data, err := decodeBytes("data", p.Data, p.Encoding)
	if err != nil {
		return err
	}
	if most := c.conn.door.sessions.Policy().MaxStdinBytes; int64(len(data)) > most {
		return &sessions.TooLargeError{Field: sessions.FieldInput, Limit: most}
	}
	c.convert = toAccepted
	return c.send(p.SessionID, &actors.Input{Execution: p.ExecutionID, Data: data, EOF: p.EOF})
}

func toAccepted(_ *call, result any) (any, error) {
	a, err := sessions.ResultOf[*actors.Accepted](result)
	if err != nil {
		return nil, err
	}
	return &protocol.InputAccepted{AcceptedBytes: a.Bytes}, nil
}

func executionSignal(ctx context.Context, c *call, p *protocol.ExecutionSignal) (*protocol.SignalDelivered, error) {
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return nil, err
	}
	if p.Signal == "" {
		return nil, paramError("signal", "is required")
	}
	signal, ok := runtimes.ParseSignal(p.Signal)
	if !ok {
		return nil, paramError("signal", "must be the name of a signal, as SIGINT")
	}
	e, err := c.execution(p.SessionID, p.ExecutionID)
	if err != nil {
		return nil, err
	}
	delivered, err := e.Signal(ctx, signal)
	return &protocol.SignalDelivered{Delivered: delivered}, err
}

func executionResize(ctx context.Context, c *call, p *protocol.ExecutionResize) (*protocol.Empty, error) {
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return nil, err
	}
	columns, err := dimension("cols", p.Cols)
	if err != nil {
		return nil, err
	}
	rows, err := dimension("rows", p.Rows)
	if err != nil {
		return nil, err
	}
	e, err := c.execution(p.SessionID, p.ExecutionID)
	if err != nil {
		return nil, err
	}
	return &protocol.Empty{}, e.Resize(ctx, runtimes.TerminalSize{Columns: columns, Rows: rows})
}

func codeContexts(ctx context.Context, c *call, p *protocol.SessionRef) (*protocol.ContextList, error) {
	s, err := c.conn.find(p.SessionID)
	if err != nil {
		return nil, err
	}
	all, err := s.Contexts(ctx)
	if err != nil {
		return nil, err
	}
	list := &protocol.ContextList{Contexts: make([]protocol.CodeContext, 0, len(all))}
	for _, one := range all {
		list.Contexts = append(list.Contexts, protocol.CodeContext{Context: one.Name, Language: one.Language.String(), State: one.State.String()})
	}
	return list, nil
}

func codeRestart(ctx context.Context, c *call, p *protocol.ContextRef) (*protocol.Empty, error) {
	s, err := c.conn.find(p.SessionID)
	if err != nil {
		return nil, err
	}
	return &protocol.Empty{}, s.RestartContext(ctx, p.Context)
}

func codeRemove(ctx context.Context, c *call, p *protocol.ContextRef) (*protocol.Empty, error) {
	s, err := c.conn.find(p.SessionID)
	if err != nil {
		return nil, err
	}
	return &protocol.Empty{}, s.RemoveContext(ctx, p.Context)
}

// find is the session with that id.
func (cn *connection) find(id string) (*sessions.LocalSession, error) {
	if err := sessions.CheckSession(id); err != nil {
		return nil, err
	}
	return cn.service.Find(id)
}
