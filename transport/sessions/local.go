package sessions

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
	"github.com/codebeaker/codebeaker/transport/audit"
	"github.com/codebeaker/codebeaker/transport/policy"
)

// Options of a Local. System and Registry are required.
type Options struct {
	System   *actors.System
	Registry *runtimes.Registry
	Policy   Policy
	// Limits bound each key, or each address without keys, that has none of its
	// own. MessageBytes is the largest message, which the rate of bytes leaves
	// room for.
	Limits       Limits
	MessageBytes int
	Audit        *audit.Log   // nil keeps nothing
	Rules        *policy.File // nil allows what Policy does
	Logger       *slog.Logger // nil discards
}

// Local is the sessions of this server. It makes a service for each client. Its
// methods are safe for concurrent use.
type Local struct {
	system   *actors.System
	registry *runtimes.Registry
	policy   Policy
	accounts accounts
	audit    *audit.Log
	rules    *policy.File
	log      *slog.Logger
}

// New makes a Local.
// Errors: a policy that cannot be.
func New(o Options) (*Local, error) {
	if err := o.Policy.Check(); err != nil {
		return nil, err
	}
	return &Local{
		system: o.System, registry: o.Registry, policy: o.Policy.WithDefaults(),
		accounts: accounts{limits: o.Limits, burst: o.MessageBytes}, audit: o.Audit,
		rules: o.Rules, log: o.Logger,
	}, nil
}

// Policy is what the operator allows, with its defaults.
func (l *Local) Policy() *Policy { return &l.policy }

// Serves reports whether any language is served now.
func (l *Local) Serves() bool { return len(l.registry.Served()) > 0 }

// Running is how many executions run, those in the background included.
func (l *Local) Running() int64 { return l.system.Running() }

// OutputMemory tells what is kept of all executions together.
func (l *Local) OutputMemory() output.Usage { return l.system.OutputMemory() }

// Pools describes the pools of ready environments.
func (l *Local) Pools() []actors.PoolInfo { return l.system.Pools() }

// Drain refuses creates from now on.
func (l *Local) Drain() { l.system.Drain() }

// Shutdown drains and ends every session. When ctx ends first, some may be left.
func (l *Local) Shutdown(ctx context.Context) error { return l.system.Shutdown(ctx) }

// Client is who a service is for.
type Client struct {
	// Owner is the id of its key, which owns the sessions it makes; "" is
	// everybody on a server without keys.
	Owner string
	// Admin sees the sessions of all keys.
	Admin bool
	// Address is where it comes from: without a key its limits are those of the
	// address. Both "": nothing bounds it.
	Address string
	// Limits are its key's own.
	Limits Limits
}

// Name is what the client's rates, quotas and bytes are counted under, "" for one
// that nothing bounds.
func (c *Client) Name() string {
	switch {
	case c.Owner != "":
		return "key " + c.Owner
	case c.Address != "":
		return "address " + c.Address
	}
	return ""
}

// Connect is ConnectClient for one who has shown the key owner, without bounds.
func (l *Local) Connect(owner string, events func(Event)) *Conn {
	return &Conn{local: l, owner: owner, events: events}
}

// ConnectClient makes the service of one client. events gets those of the sessions that the
// service has created or attached, each session's in order; it must not block,
// nor call the service. Nil ignores them. The caller closes the service.
func (l *Local) ConnectClient(client Client, events func(Event)) *Conn {
	c := l.Connect(client.Owner, events)
	c.admin = client.Admin
	if l.audit != nil || l.rules != nil {
		from := client.Address
		c.from = &from
	}
	if name := client.Name(); name != "" {
		c.account = l.accounts.open(name, client.Limits)
	}
	return c
}

// Conn is the service of one client of a Local. Besides what a [Service] does it
// lets the hot path of a door send calls of its own.
type Conn struct {
	local  *Local
	owner  string
	from   *string // the client's address, for the audit log; nil without one
	events func(Event)
	// account is charged with what the client does; nil bounds nothing.
	account *Account
	last    atomic.Pointer[LocalSession] // the session used last

	mu    sync.Mutex
	known map[string]*LocalSession // made at the second session

	// attachMu is held over a Send that attaches, so that none comes behind the
	// Disconnected. Nobody waits for an answer under it.
	attachMu sync.Mutex
	told     []*actors.Session // to be told of the end
	ended    bool
	admin    bool // sees the sessions of all keys; does not change

	creating int32 // creates that are not announced; eventMu guards it

	// eventMu keeps the events of a session in their order.
	eventMu sync.Mutex
	held    map[string][]Event // of sessions that may be theirs
}

var _ Service = (*Conn)(nil)

// errClosed answers what would need a client that has left.
var errClosed = errors.New("the service is closed")

// maxKnown bounds the sessions of which a client's service remembers the way.
const maxKnown = 64

// Account is charged with the calls of the client. The door does it.
func (c *Conn) Account() *Account { return c.account }

// Owner is the id of the client's key, "" without one.
func (c *Conn) Owner() string { return c.owner }

// KeyOf is the id of the key that made a session. Only an admin is told.
func (c *Conn) KeyOf(session string) string {
	if !c.admin {
		return ""
	}
	return c.local.system.OwnerOf(session)
}

// sees is whose sessions the client sees.
func (c *Conn) sees() string {
	if c.admin {
		return actors.Everybody
	}
	return c.owner
}

// Usage is Service's.
func (c *Conn) Usage(context.Context) (Usage, error) { return c.account.usage(time.Now()), nil }

// Languages is Service's.
func (c *Conn) Languages(context.Context) ([]Language, error) {
	r := c.local.registry
	var all []Language
	for _, l := range runtimes.Languages() {
		language := Language{Language: l}
		for _, t := range l.Runtimes() {
			if offer := r.Offer(t); offer.Runtime != nil && offer.Availability.Serves(l) {
				language.Runtimes = append(language.Runtimes, t)
			}
		}
		if chosen := r.Select(l, runtimes.Balanced); chosen != nil {
			language.Default = chosen.Type()
		}
		all = append(all, language)
	}
	return all, nil
}

// Runtimes is Service's.
func (c *Conn) Runtimes(context.Context) ([]Runtime, error) {
	offers := c.local.registry.Offers()
	all, pools := make([]Runtime, 0, len(offers)), c.local.Pools()
	for i := range offers {
		o := &offers[i]
		r := Runtime{Type: o.Runtime.Type(), Availability: o.Availability, Figures: o.Figures, Measured: o.Measured}
		if o.Availability.Available {
			r.Stateful = kernel.Stateful(r.Type, &o.Availability)
		}
		for _, p := range pools {
			if p.Runtime == r.Type {
				r.Warm, r.Target, r.Pools = r.Warm+p.Warm, r.Target+p.Target, append(r.Pools, p)
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// Create is Service's.
func (c *Conn) Create(ctx context.Context, p Create) (Session, *Info, error) {
	r, err := c.Prepare(&p)
	if err != nil {
		return nil, nil, err
	}
	s, info, announced, err := c.CreateAttached(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	announced()
	return s, info, nil
}

// Prepare checks a create and applies the defaults.
// Errors: *FieldError, *UnknownLanguageError.
func (c *Conn) Prepare(p *Create) (actors.CreateRequest, error) { return c.local.create(c.owner, p) }

// CreateSession makes a session that was prepared. It is not attached.
// Errors: *RateError, and those of Create.
func (c *Conn) CreateSession(ctx context.Context, r actors.CreateRequest) (*LocalSession, *Info, error) {
	if err := c.mayChange(); err != nil {
		return nil, nil, err
	}
	decision, err := c.permitCreate(&r)
	if err != nil {
		return nil, nil, err
	}
	if a := c.account; a != nil {
		if err := a.creates.take(time.Now(), "creates", 1); err != nil {
			c.Refused(err, "")
			return nil, nil, err
		}
		r.Quota = (*quota)(a)
	}
	began := time.Now()
	made, info, err := c.local.system.Create(ctx, r)
	if err = c.auditCreate(&r, decision, made, info, err, time.Since(began)); err != nil {
		return nil, nil, err
	}
	s := &LocalSession{Session: made, conn: c, runtime: info.Runtime}
	c.remember(s)
	return s, info, nil
}

// CreateAttached makes a session that was prepared, attached from its first
// moment. Its events wait until announced is called, which the caller does once
// its client knows of the session.
func (c *Conn) CreateAttached(ctx context.Context, r actors.CreateRequest) (s *LocalSession, info *Info, announced func(), err error) {
	r.Sink = c
	c.hold()
	s, info, err = c.CreateSession(ctx, r)
	if err != nil {
		c.release("")
		return nil, nil, nil, err
	}
	return s, info, func() { c.announce(s) }, nil
}

// announce makes the session one that is told of the client's end, and lets its
// events go.
func (c *Conn) announce(s *LocalSession) {
	if !c.tell(s.Session, func() {}) {
		s.Send(&actors.Call{Request: &actors.Disconnected{Sink: c}, Caller: nobody{}})
	}
	c.release(s.ID())
}

// Open is Service's.
func (c *Conn) Open(_ context.Context, id string) (Session, error) {
	s, err := c.Find(id)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Find is Open: it waits for nobody.
func (c *Conn) Find(id string) (*LocalSession, error) {
	if s := c.last.Load(); s != nil && s.ID() == id {
		return s, nil
	}
	if err := CheckSession(id); err != nil {
		return nil, err
	}
	c.mu.Lock()
	s := c.known[id]
	c.mu.Unlock()
	if s == nil {
		found, err := c.local.system.Lookup(c.sees(), id)
		if err != nil {
			return nil, err
		}
		s = &LocalSession{Session: found, conn: c, runtime: found.Info().Runtime}
	}
	c.remember(s)
	return s, nil
}

// remember makes s the last one used and keeps the one before it.
func (c *Conn) remember(s *LocalSession) {
	before := c.last.Swap(s)
	if before == nil || before == s {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[string]*LocalSession)
	}
	if len(c.known) >= maxKnown {
		clear(c.known) // a look-up is cheap
	}
	c.known[before.ID()] = before
}

// Forget drops what is remembered of a session that has ended.
func (c *Conn) Forget(id string) {
	if s := c.last.Load(); s != nil && s.ID() == id {
		c.last.CompareAndSwap(s, nil)
	}
	c.mu.Lock()
	delete(c.known, id)
	c.mu.Unlock()
}

// List is Service's.
func (c *Conn) List(_ context.Context, p List) (Page, error) {
	r, err := list(c.sees(), &p)
	if err != nil {
		return Page{}, err
	}
	infos, next, err := c.local.system.List(r)
	return Page{Sessions: infos, Next: next}, err
}

// maxHeld bounds the events of a session that wait until it is announced.
const maxHeld = 256

// SessionEvent is actors.EventSink's.
func (c *Conn) SessionEvent(e Event) {
	c.eventMu.Lock()
	defer c.eventMu.Unlock()
	if c.creating == 0 || c.tells(e.SessionID) {
		c.event(e)
		return
	}
	if c.held == nil {
		c.held = make(map[string][]Event)
	}
	if held := c.held[e.SessionID]; len(held) < maxHeld {
		c.held[e.SessionID] = append(held, e)
	}
}

// event delivers an event. eventMu is held.
func (c *Conn) event(e Event) {
	if e.Kind == actors.SessionEnded {
		c.untell(e.SessionID)
		c.Forget(e.SessionID)
	}
	if c.events != nil {
		c.events(e)
	}
}

// hold keeps events of sessions that the client does not know back, until
// release.
func (c *Conn) hold() {
	c.eventMu.Lock()
	c.creating++
	c.eventMu.Unlock()
}

// release ends a hold, and lets the events of the session go that came of it.
func (c *Conn) release(id string) {
	c.eventMu.Lock()
	defer c.eventMu.Unlock()
	c.creating--
	for _, e := range c.held[id] {
		c.event(e)
	}
	if delete(c.held, id); c.creating == 0 {
		c.held = nil // what is left is of sessions that nobody was given
	}
}

// Close is Service's. Executions run on, except those that were to end with the
// client.
func (c *Conn) Close() error {
	c.attachMu.Lock()
	first := !c.ended
	c.ended = true
	told := c.told
	c.told = nil
	c.attachMu.Unlock()
	if first {
		c.account.close()
	}
	for _, s := range told {
		s.Send(&actors.Call{Request: &actors.Disconnected{Sink: c}, Caller: nobody{}})
	}
	return nil
}

// tell makes the session one that is told of the client's end, and sends it a
// call under the same lock. False: the client has left.
func (c *Conn) tell(s *actors.Session, send func()) bool {
	c.attachMu.Lock()
	defer c.attachMu.Unlock()
	if c.ended {
		return false
	}
	if !slices.Contains(c.told, s) {
		c.told = append(c.told, s)
	}
	send()
	return true
}

// tells reports whether the session is told of the client's end: the client has
// created or attached it.
func (c *Conn) tells(id string) bool {
	c.attachMu.Lock()
	defer c.attachMu.Unlock()
	return slices.ContainsFunc(c.told, func(s *actors.Session) bool { return s.ID() == id })
}

// untell forgets a session that has ended.
func (c *Conn) untell(id string) {
	c.attachMu.Lock()
	defer c.attachMu.Unlock()
	c.told = slices.DeleteFunc(c.told, func(s *actors.Session) bool { return s.ID() == id })
}

// nobody is a Caller that does not care.
type nobody struct{}

// Reply is actors.Caller's.
func (nobody) Reply(any, error) {}

// LocalSession is a session of this server as one client reaches it.
type LocalSession struct {
	*actors.Session
	conn    *Conn
	runtime runtimes.Type
}

var _ Session = (*LocalSession)(nil)

// pending is a call whose answer is waited for.
type pending struct {
	actors.Call
	answer chan answer // of capacity 1
}

type answer struct {
	result any
	err    error
}

// Reply is actors.Caller's.
func (p *pending) Reply(result any, err error) { p.answer <- answer{result, err} }

func newPending(request any) *pending {
	p := &pending{answer: make(chan answer, 1)}
	p.Request, p.Caller = request, p
	return p
}

// await waits for the answer, of the type that the request documents.
func await[R any](ctx context.Context, s *LocalSession, p *pending) (result R, err error) {
	select {
	case a := <-p.answer:
		if a.err != nil {
			if errors.Is(a.err, actors.ErrSessionClosed) {
				s.conn.Forget(s.ID())
			}
			return result, a.err
		}
		if a.result == nil {
			return result, nil
		}
		return ResultOf[R](a.result)
	case <-ctx.Done():
		return result, context.Cause(ctx)
	case <-s.conn.local.system.Stopped():
		return result, actors.ErrShuttingDown
	}
}

// ResultOf is the result of a request to a session, of the type that the request
// documents.
func ResultOf[R any](result any) (R, error) {
	r, ok := result.(R)
	if !ok {
		return r, actors.Unexpected(result)
	}
	return r, nil
}

// ask sends a request and waits for its answer.
func ask[R any](ctx context.Context, s *LocalSession, request any) (R, error) {
	p := newPending(request)
	s.Send(&p.Call)
	return await[R](ctx, s, p)
}

var getInfo = &actors.GetInfo{}

// Info is Session's.
func (s *LocalSession) Info(ctx context.Context) (*Info, error) { return ask[*Info](ctx, s, getInfo) }

// Extend is Session's.
func (s *LocalSession) Extend(ctx context.Context, p Extend) (*Info, error) {
	r, err := s.conn.local.extend(&p)
	if err == nil {
		err = s.conn.mayChange()
	}
	if err != nil {
		return nil, err
	}
	return ask[*Info](ctx, s, &r)
}

// Attach is Session's.
func (s *LocalSession) Attach(ctx context.Context) (*Info, error) {
	p := newPending(&actors.Attach{Sink: s.conn})
	if !s.conn.tell(s.Session, func() { s.Send(&p.Call) }) {
		return nil, errClosed
	}
	return await[*Info](ctx, s, p)
}

// Detach is Session's.
func (s *LocalSession) Detach(ctx context.Context) error {
	_, err := ask[any](ctx, s, &actors.Detach{Sink: s.conn})
	return err
}

// Close is Session's.
func (s *LocalSession) Close(ctx context.Context) error {
	p := newPending(&actors.Close{})
	p.Caller = s.conn.AuditClose(s.ID(), p)
	s.Send(&p.Call)
	_, err := await[any](ctx, s, p)
	if errors.Is(err, actors.ErrSessionClosed) {
		err = nil
	}
	if err == nil {
		s.conn.Forget(s.ID())
	}
	return err
}

// Prepare checks a command for this session and applies the defaults.
// Errors: *FieldError, *TooLargeError.
func (s *LocalSession) Prepare(p *Execute) (actors.Execute, error) {
	r, err := s.conn.local.execute(p)
	if err != nil {
		return r, err
	}
	switch command := r.Command.(type) {
	case *runtimes.Command:
		r.Type = runtimes.TypeProgram
		return r, s.capable(p.Program)
	case *actors.Cell:
		r.Type = TypeCell
		return r, s.runs(command)
	}
	r.Type = p.File.CommandType()
	return r, nil
}

// TypeCell is the type of a cell in lists of executions.
const TypeCell = "execute_code"

// runs refuses a cell whose language the session does not run, and gives one that
// says none the session's.
func (s *LocalSession) runs(c *actors.Cell) error {
	a := s.conn.local.registry.Offer(s.runtime).Availability
	own := s.Session.Info().Language
	engine, ok := kernel.EngineFor(s.runtime, own, a.Tools)
	switch {
	case !ok:
		return fieldError(FieldCommand, "is not among the capabilities of sessions of %s on %v: write a file and run it", own, s.runtime)
	case c.Language == 0:
		c.Language = own
	case !slices.Contains(engine.Languages, c.Language):
		return fieldError(FieldCellLanguage, "%s does not run in a session of %s", c.Language, own)
	}
	return nil
}

// capable refuses a program that the session's runtime cannot run. A runtime
// that is not available at the moment says nothing about it.
func (s *LocalSession) capable(p *Program) error {
	a := s.conn.local.registry.Offer(s.runtime).Availability
	switch {
	case a.Available && !a.Processes:
		return fieldError(FieldCommand, "to run a program is not among the capabilities of %v", s.runtime)
	case a.Available && p.Terminal != nil && !a.Terminal:
		return fieldError(FieldTerminal, "a terminal is not among the capabilities of %v", s.runtime)
	}
	return nil
}

// SendExecute sends a call whose request is the command r.
// Errors: the client has left.
func (s *LocalSession) SendExecute(call *actors.Call, r *actors.Execute) error {
	call.Request = r
	if err := s.permitExecute(call, r); err != nil {
		return err
	}
	if !r.KillOnDisconnect {
		s.Send(call)
		return nil
	}
	r.Sink = s.conn
	if !s.conn.tell(s.Session, func() { s.Send(call) }) {
		return errClosed
	}
	return nil
}

// Execute is Session's.
func (s *LocalSession) Execute(ctx context.Context, x Execute) (*Outcome, error) {
	r, err := s.Prepare(&x)
	if err != nil {
		return nil, err
	}
	p := newPending(nil)
	if err := s.SendExecute(&p.Call, &r); err != nil {
		return nil, err
	}
	result, err := await[any](ctx, s, p)
	if err != nil {
		return nil, err
	}
	return outcomeOf(result)
}

// outcomeOf is what a command came to, or that it runs.
func outcomeOf(result any) (*Outcome, error) {
	switch r := result.(type) {
	case *actors.Started:
		return &Outcome{ExecutionID: r.ExecutionID, Success: true, Running: true, Duration: r.Duration}, nil
	case *actors.Outcome:
		o := &Outcome{
			ExecutionID: r.ExecutionID, Success: r.Success, Error: r.Error, ErrorCode: r.ErrorCode, Duration: r.Duration,
		}
		switch of := r.Result.(type) {
		case *actors.ProcessResult:
			o.Program = of
		case *actors.CellResult:
			o.Cell = of
		case *actors.FileRead:
			o.Content = &of.FileContent
		case *actors.DirectoryListing:
			o.Listing = &of.Listing
		case *actors.FileWritten:
			o.Bytes = of.Bytes
		case *actors.FileCopied:
			o.Bytes = of.Bytes
		}
		return o, nil
	}
	return nil, actors.Unexpected(result)
}

// starting is the call of Start: it learns that the command was accepted.
type starting struct {
	pending
	log chan *output.Log // of capacity 1
}

// Follow is actors.Follower's.
func (p *starting) Follow(log *output.Log) { p.log <- log }

// Start is Session's.
func (s *LocalSession) Start(ctx context.Context, x Execute) (Execution, error) {
	r, err := s.Prepare(&x)
	if err != nil {
		return nil, err
	}
	r.Stream = !r.Background
	p := &starting{pending: pending{answer: make(chan answer, 1)}, log: make(chan *output.Log, 1)}
	p.Caller = p
	if err := s.SendExecute(&p.Call, &r); err != nil {
		return nil, err
	}
	select {
	case log := <-p.log:
		return s.Execution(log.ID()), nil
	case a := <-p.answer:
		if a.err != nil {
			return nil, a.err
		}
		o, err := outcomeOf(a.result)
		if err != nil {
			return nil, err
		}
		return s.Execution(o.ExecutionID), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.conn.local.system.Stopped():
		return nil, actors.ErrShuttingDown
	}
}

// Executions is Session's.
func (s *LocalSession) Executions(ctx context.Context) ([]ExecutionInfo, error) {
	list, err := ask[*actors.ExecutionList](ctx, s, &actors.ListExecutions{})
	if err != nil {
		return nil, err
	}
	return list.Executions, nil
}

// Contexts is Session's.
func (s *LocalSession) Contexts(ctx context.Context) ([]Context, error) {
	l, err := ask[*actors.ContextList](ctx, s, &actors.ListContexts{})
	if err != nil {
		return nil, err
	}
	return l.Contexts, nil
}

// RestartContext is Session's.
func (s *LocalSession) RestartContext(ctx context.Context, name string) error {
	_, err := ask[any](ctx, s, &actors.EndContext{Context: name})
	return err
}

// RemoveContext is Session's.
func (s *LocalSession) RemoveContext(ctx context.Context, name string) error {
	_, err := ask[any](ctx, s, &actors.EndContext{Context: name, Remove: true})
	return err
}

// Execution is Session's.
func (s *LocalSession) Execution(id string) Execution { return &localExecution{s, id} }

// localExecution is an execution of this server.
type localExecution struct {
	session *LocalSession
	id      string
}

// ID is Execution's.
func (e *localExecution) ID() string { return e.id }

// OpenOutput finds the output of an execution.
// Errors: ErrExecutionNotFound, *FieldError.
func (s *LocalSession) OpenOutput(ctx context.Context, execution string) (*output.Log, error) {
	if err := CheckExecution(execution); err != nil {
		return nil, err
	}
	return ask[*output.Log](ctx, s, &actors.OpenExecution{Execution: execution})
}

// Output is Execution's.
func (e *localExecution) Output(ctx context.Context, from int64) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		log, err := e.session.OpenOutput(ctx, e.id)
		if err != nil {
			yield(Chunk{}, err)
			return
		}
		news := make(chan struct{}, 1)
		sub, _, err := log.Subscribe(max(from, output.Oldest), func() {
			select {
			case news <- struct{}{}:
			default:
			}
		})
		if err != nil {
			yield(Chunk{}, fieldError(FieldFrom, "is beyond the end of the output"))
			return
		}
		defer sub.Close()
		for {
			item, ok := sub.Next()
			switch {
			case !ok:
				select {
				case <-news:
				case <-ctx.Done():
					yield(Chunk{}, context.Cause(ctx))
					return
				case <-e.session.conn.local.system.Stopped():
					yield(Chunk{}, actors.ErrShuttingDown)
					return
				}
			case item.Kind == output.ItemCompleted:
				return
			case item.Kind == output.ItemChunk:
				if !yield(item.Chunk, nil) {
					return
				}
			}
		}
	}
}

// Wait is Execution's.
func (e *localExecution) Wait(ctx context.Context, timeout time.Duration) (*Outcome, error) {
	if err := CheckExecution(e.id); err != nil {
		return nil, err
	}
	r := &actors.WaitExecution{Execution: e.id}
	if timeout >= 0 {
		r.Timeout = max(timeout, 1) // to the session zero means for ever
	}
	w, err := ask[*actors.Waited](ctx, e.session, r)
	if err != nil || w.Outcome == nil {
		return nil, err
	}
	return outcomeOf(w.Outcome)
}

// Input is Execution's.
func (e *localExecution) Input(ctx context.Context, data []byte, eof bool) (int, error) {
	if err := CheckExecution(e.id); err != nil {
		return 0, err
	}
	if most := e.session.conn.local.policy.MaxStdinBytes; int64(len(data)) > most {
		return 0, &TooLargeError{FieldInput, most}
	}
	a, err := ask[*actors.Accepted](ctx, e.session, &actors.Input{Execution: e.id, Data: data, EOF: eof})
	if err != nil {
		return 0, err
	}
	return a.Bytes, nil
}

// Signal is Execution's.
func (e *localExecution) Signal(ctx context.Context, signal runtimes.Signal) (bool, error) {
	if err := CheckExecution(e.id); err != nil {
		return false, err
	}
	d, err := ask[*actors.Delivered](ctx, e.session, &actors.SendSignal{Execution: e.id, Signal: signal})
	if err != nil {
		return false, err
	}
	return d.Delivered, nil
}

// Resize is Execution's.
func (e *localExecution) Resize(ctx context.Context, size runtimes.TerminalSize) error {
	if err := CheckExecution(e.id); err != nil {
		return err
	}
	columns, rows := int64(size.Columns), int64(size.Rows)
	if _, err := terminal(FieldColumns, FieldRows, &Terminal{&columns, &rows}); err != nil {
		return err
	}
	_, err := ask[any](ctx, e.session, &actors.Resize{Execution: e.id, Size: size})
	return err
}
