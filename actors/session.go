package actors

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/runtimes"
)

// session is the actor of one session: its state machine, its queue of
// commands, its executions and its timers.
type session struct {
	system *System
	handle *Session
	self   *actor.PID
	hand   hand
	info   *Info // the published one: changed by change only

	environmentPID *actor.PID
	environment    runtimes.Environment // nil while Creating and Recovering

	ctx    context.Context // of commands, see working; ends with the session
	cancel context.CancelFunc

	queue      []*execution // foreground commands that wait
	foreground *execution   // the one that runs
	executions executions
	contexts   *contexts // nil before the first cell

	sinks   []EventSink
	joining []EventSink // who waits for the creation and is attached then
	alone   time.Time   // since when there is none; zero unless KillOnDisconnect
	clock   clock
	closing *closing // nil until the session ends
	ends    ends

	active  int32 // executions that run, background included
	runtime runtimes.Type
	ended   bool // see over
	fresh   bool // the pools wait for the answer of its first command

	killOnDisconnect bool // see CreateRequest
}

// closing is why and for whom a session ends.
type closing struct {
	reason string
	calls  []*Call // of Close, answered when nothing is left
}

// join attaches who has created the session, or waits for it with its client
// token, as soon as it is ready.
type join struct {
	quiet
	sink EventSink
}

// end closes the session for a reason of the server.
type end struct {
	quiet
	reason string
}

// spawnSession starts the actor of a new session.
func (s *System) spawnSession(id string, rt runtimes.Runtime, r *CreateRequest) *Session {
	now := time.Now().UTC()
	handle := &Session{id: id, owner: r.Owner, root: s.root}
	self := &session{
		system: s, runtime: rt.Type(), handle: handle, ends: ends{system: s, session: handle},
		info: &Info{
			SessionID: id, Runtime: rt.Type(), Language: r.Language, CreatedAt: now,
			IdleTimeout: r.IdleTimeout, MaxLifetime: r.MaxLifetime, Labels: r.Labels,
		},
	}
	self.killOnDisconnect = r.KillOnDisconnect
	if r.Sink != nil {
		self.joining = []EventSink{r.Sink}
	}
	handle.state.Store(uint32(Creating))
	handle.lastActivity.Store(now.UnixNano())
	handle.base.Store(self.info)
	child := &environment{system: s, runtime: rt, ends: &self.ends, spec: runtimes.Spec{
		HostName: runtimes.HostName(newID()), Language: r.Language, Limits: r.Limits, DiskAsked: r.DiskAsked,
		Network: r.Network, Image: r.Image, Strongest: r.Preference == runtimes.Security,
	}, env: r.Env}
	// The handle's pid is there before anyone can send: the directory gives the
	// handle away only after this returns. The actor itself takes its pid from
	// Started.
	handle.pid = s.spawnSessions.spawn(s.root, &sessionStart{self, child}, id)
	return handle
}

// stopOnPanic ends an actor that panicked: what it held may be broken. Its
// Stopping releases everything.
var stopOnPanic = actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })

// sessionStart spawns the environment and hands over to the session.
type sessionStart struct {
	session     *session
	environment *environment
}

// Receive spawns the child first, so that whatever happens later, its removal
// tells the directory that nothing is left.
func (s *sessionStart) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		s.session.self, s.environment.session = ctx.Self(), ctx.Self()
		s.session.environmentPID = s.session.system.spawnEnvironments.spawn(ctx, s.environment, "environment")
		s.session.start()
		return
	}
	s.session.Receive(ctx)
}

// Receive handles one message. It never blocks.
func (s *session) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *Call:
		s.handle.pending.Add(-1)
		s.call(m)
	case *running:
		s.running((*execution)(m))
	case *finished:
		s.finished((*execution)(m))
	case *forgotten:
		s.executions.forgotten((*execution)(m))
	case *tick:
		s.tick()
	case *environmentReady:
		s.environmentReady(m)
	case *environmentLost:
		s.environmentLost()
	case *environmentGone:
		s.environmentGone(m.err)
	case *environmentRemoved:
		s.removed(ctx)
	case *join:
		s.join(m.sink)
	case *end:
		s.end(m.reason)
	case *actor.Stopping:
		s.over(ErrInternal) // after a panic; else it is over already
	case *actor.Stopped:
		s.hand.stopped.Store(true)
	}
}

// answer replies to the call in hand.
func (s *session) answer(call *Call, result any, err error) {
	s.hand.call = nil
	call.Caller.Reply(result, err)
}

// state is the state as everyone sees it.
func (s *session) state() State { return State(s.handle.state.Load()) }

// enter changes the state and tells those who are attached.
func (s *session) enter(state State, reason string) {
	if s.state() == state {
		return
	}
	s.handle.state.Store(uint32(state))
	s.emit(Event{Kind: StateChanged, SessionID: s.info.SessionID, State: state, Reason: reason})
}

func (s *session) emit(event Event) {
	for _, sink := range s.sinks {
		sink.SessionEvent(event)
	}
}

// change replaces what of the session object rarely changes.
func (s *session) change(edit func(*Info)) {
	next := *s.info
	edit(&next)
	s.info = &next
	s.handle.base.Store(s.info)
}

// working is the context of commands, made for the first one: most sessions
// wait, and it takes as much memory as their handle.
func (s *session) working() context.Context {
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancel(context.Background())
	}
	return s.ctx
}

// stopWorking ends what runs outside, unless the runtime ends it.
func (s *session) stopWorking() {
	if s.cancel != nil {
		s.cancel()
	}
}

// attach makes sink receive the events of the session.
func (s *session) attach(sink EventSink) {
	if !slices.Contains(s.sinks, sink) {
		s.sinks = append(s.sinks, sink)
		s.alone = time.Time{}
	}
}

// join is attach for a creator; nil is none.
func (s *session) join(sink EventSink) {
	switch {
	case sink == nil || s.closing != nil:
	case s.state() == Creating:
		s.joining = append(s.joining, sink)
	default:
		s.attach(sink)
	}
}

// touch notes activity.
func (s *session) touch() { s.handle.lastActivity.Store(time.Now().UnixNano()) }

func (s *session) environmentReady(m *environmentReady) {
	if s.closing != nil {
		return
	}
	first, env := s.state() == Creating, m.environment
	s.environment = env
	if m.kernel != nil {
		s.contexts = &contexts{warm: &warmKernel{m.kernel, env, m.late}}
	}
	s.change(func(info *Info) {
		info.EnvironmentID, info.ContainerID = env.ID(), env.ContainerID()
		info.Pooled = m.pooled
		info.Limits, info.Isolation = env.Limits(), env.Isolation()
	})
	if first {
		s.fresh = s.system.pools != nil
		s.touch()
		s.enter(Active, "") // which its creators learn by the answer
		for _, sink := range s.joining {
			s.attach(sink)
		}
		s.joining = nil
		if s.killOnDisconnect && len(s.sinks) == 0 { // who created it may be gone
			s.alone = time.Now()
		}
		s.system.options.Observer.SessionOpened(s.runtime)
		s.system.root.Send(s.system.directory, &ready{id: s.info.SessionID})
	} else {
		s.enter(Idle, ReasonRecovered)
	}
	s.next()
	s.armFor(s.wakeAt())
}

// environmentLost waits for a replacement; executions are told by the runtime.
func (s *session) environmentLost() {
	if s.closing == nil {
		s.environment = nil
		s.enter(Recovering, ReasonEnvironmentLost)
	}
}

// environmentGone ends a session that cannot have an environment.
func (s *session) environmentGone(err error) {
	if s.state() == Creating {
		s.system.root.Send(s.system.directory, &failed{id: s.info.SessionID, err: err})
	}
	s.end(EndedByEnvironmentLost)
}

// Session is the way to one session. It stays valid after the session has
// ended: its calls are answered with ErrSessionClosed. Its methods are safe
// for use by several goroutines.
type Session struct {
	id      string
	owner   string
	root    *actor.RootContext
	pid     *actor.PID
	pending atomic.Int64 // calls sent and not taken up by the actor
	removed bool         // from the register, which guards it

	// What changes often is kept here, so that a snapshot costs the actor
	// nothing; base holds the rest and is replaced whole.
	base           atomic.Pointer[Info]
	state          atomic.Uint32
	lastActivity   atomic.Int64 // nanoseconds since 1970
	executionCount atomic.Int64
}

// maxPending bounds the calls that wait in one session's mailbox.
const maxPending = 4096

// ID returns the id, "n1.01J...".
func (s *Session) ID() string { return s.id }

// Send hands the call to the session; the answer comes by call.Caller. It does
// not block.
func (s *Session) Send(call *Call) {
	if s.pending.Add(1) > maxPending {
		s.pending.Add(-1)
		call.Caller.Reply(nil, &BusyError{Limit: "pendingCalls", Maximum: maxPending, RetryAfter: busyRetry})
		return
	}
	s.root.Send(s.pid, call)
}

// Info returns the session object as it is now.
func (s *Session) Info() *Info {
	info := *s.base.Load()
	info.State = State(s.state.Load())
	info.LastActivity = time.Unix(0, s.lastActivity.Load()).UTC()
	info.ExecutionCount = s.executionCount.Load()
	return &info
}

// State is the state of a session. The zero value is invalid.
type State uint8

// The states of a session: docs/protocol.md.
const (
	Creating State = iota + 1
	Active
	Idle
	Recovering
	Closing
	Closed
)

var stateNames = [...]string{"", "Creating", "Active", "Idle", "Recovering", "Closing", "Closed"}

// String returns the wire name.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		return ""
	}
	return stateNames[s]
}

// ParseState reads a wire name.
func ParseState(name string) (State, bool) {
	at := slices.Index(stateNames[1:], name)
	return State(at + 1), at >= 0
}

// Info is the session object. It is a snapshot: nobody changes it.
type Info struct {
	SessionID      string
	EnvironmentID  string
	ContainerID    string
	Runtime        runtimes.Type
	Language       runtimes.Language
	State          State
	Pooled         bool
	CreatedAt      time.Time
	IdleTimeout    time.Duration
	MaxLifetime    time.Duration
	Limits         runtimes.Limits // in force
	Isolation      runtimes.Isolation
	LastActivity   time.Time
	ExecutionCount int64
	Labels         map[string]string
}
