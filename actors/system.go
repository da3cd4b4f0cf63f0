package actors

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// What Options have where they say nothing.
const (
	DefaultSessions          = 256
	DefaultQueueLength       = 64
	DefaultOutputBytes       = 1 << 20
	DefaultOutputMemoryBytes = 256 << 20
	DefaultMemoryOvercommit  = 12
	DefaultCreateTimeout     = time.Minute
	DefaultDisconnectGrace   = 30 * time.Second
)

// Options of a System. Registry is required; zeros of the others mean the
// defaults above.
type Options struct {
	Registry *runtimes.Registry
	// Node is the first part of every session id. "" means "n1".
	Node string
	// MaxSessions bounds live sessions.
	MaxSessions int
	// QueueLength bounds the commands that wait in one session.
	QueueLength int
	// OutputBytes is how much output of each execution is kept.
	OutputBytes int
	// OutputMemoryBytes bounds the output and results that are kept of all
	// executions together.
	OutputMemoryBytes int64
	// OutputShare is how much of that the executions of one key may have, as a part.
	// Zero is all.
	OutputShare float64
	// HostMemoryBytes bounds what the memory limits of live sessions add up to,
	// weighed by MemoryOvercommit: see promised. Zero is no bound.
	HostMemoryBytes int64
	// MemoryOvercommit divides what a session counts up to that of an ordinary one.
	MemoryOvercommit float64
	// FilesInMemory: workspaces are in memory, unless a session asks for more than
	// half of its memory; with LargeFilesInMemory also then.
	FilesInMemory, LargeFilesInMemory bool
	// CreateTimeout bounds the making of one environment.
	CreateTimeout time.Duration
	// DisconnectGrace is how long a session made with KillOnDisconnect waits
	// for a connection to attach it.
	DisconnectGrace time.Duration
	Logger          *slog.Logger // nil discards
	Observer        Observer     // nil counts nothing
	// Flows is told of each flow of a session's network; it must not block. Nil is
	// not told.
	Flows func(session, owner string, flow runtimes.NetworkFlow)
	// Pools say which environments are ready before a session asks. Nil: none are.
	Pools *PoolOptions
}

// busyRetry is what a client is told to wait when a limit is reached.
const busyRetry = 500 * time.Millisecond

func (o *Options) setDefaults() {
	if o.Node == "" {
		o.Node = "n1"
	}
	if o.MaxSessions <= 0 {
		o.MaxSessions = DefaultSessions
	}
	if o.QueueLength <= 0 {
		o.QueueLength = DefaultQueueLength
	}
	if o.OutputBytes <= 0 {
		o.OutputBytes = DefaultOutputBytes
	}
	if o.OutputMemoryBytes <= 0 {
		o.OutputMemoryBytes = DefaultOutputMemoryBytes
	}
	if o.MemoryOvercommit <= 0 {
		o.MemoryOvercommit = DefaultMemoryOvercommit
	}
	if o.CreateTimeout <= 0 {
		o.CreateTimeout = DefaultCreateTimeout
	}
	if o.DisconnectGrace <= 0 {
		o.DisconnectGrace = DefaultDisconnectGrace
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = nopObserver{}
	}
}

// System runs the sessions of one server. Its methods are safe for use by
// several goroutines.
type System struct {
	options     Options
	running     atomic.Int64 // executions, of all sessions
	memory      *output.Memory
	dispatcher  *dispatcher
	actors      *actor.ActorSystem
	root        *actor.RootContext
	deadLetters *eventstream.Subscription
	directory   *actor.PID
	register    *register

	spawnSessions, spawnEnvironments, spawnPools *spawner

	// creating holds a place for each environment that is being made: more at
	// once than the cores can serve only makes all of them late.
	creating  chan struct{}
	creations durations // of those that were made
	promised  atomic.Int64

	pools      *actor.PID // nil without
	stopPools  func() *actor.Future
	poolTable  atomic.Pointer[[]*poolStats]
	poolMemory atomic.Int64
	filling    atomic.Int64
	// poolWork counts what the pools have: fills, ready environments, removals.
	poolWork   sync.WaitGroup
	discarding chan struct{} // has a place for each removal at once
	// stopped is closed by Shutdown: nobody answers after it.
	stopped chan struct{}
}

// NewSystem starts the actors.
func NewSystem(o Options) *System {
	o.setDefaults()
	s := &System{
		options:    o,
		memory:     output.NewMemory(o.OutputMemoryBytes, o.OutputShare),
		dispatcher: &dispatcher{},
		register:   newRegister(),
		creating:   make(chan struct{}, 4*runtime.GOMAXPROCS(0)),
		discarding: make(chan struct{}, runtime.GOMAXPROCS(0)),
		stopped:    make(chan struct{}),
	}
	s.actors = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(&warnings{o.Logger.With("component", "actors").Handler()})
	}), actor.WithDeadLetterThrottleInterval(time.Millisecond)) // its goroutine sleeps for so long
	s.root = s.actors.Root
	s.deadLetters = s.actors.EventStream.Subscribe(answerDeadLetter)
	s.spawnSessions = newSpawner(actor.WithDispatcher(s.dispatcher), actor.WithMailbox(newGuard),
		actor.WithGuardian(stopOnPanic), actor.WithSupervisor(stopOnPanic))
	s.spawnEnvironments = newSpawner(actor.WithDispatcher(s.dispatcher), actor.WithMailbox(newMailbox))
	s.startPools()
	directory := newDirectory(s)
	s.directory = s.root.Spawn(actor.PropsFromProducer(func() actor.Actor { return directory },
		actor.WithDispatcher(s.dispatcher), actor.WithMailbox(newMailbox)))
	return s
}

// answerDeadLetter answers a call that came after its session was gone.
func answerDeadLetter(event any) {
	letter, ok := event.(*actor.DeadLetterEvent)
	if !ok {
		return
	}
	if call, ok := letter.Message.(*Call); ok {
		call.Caller.Reply(nil, ErrSessionClosed)
	}
}

// Create makes a session and waits until it is ready. When ctx ends before
// that, the session is closed, unless a ClientToken can bring its maker back.
// Errors: *BusyError, *UnavailableError, *LanguageError, *ArgumentError,
// *runtimes.EnvironmentError, ErrSessionClosed when it was closed meanwhile,
// ErrShuttingDown, ctx's cause.
func (s *System) Create(ctx context.Context, r CreateRequest) (*Session, *Info, error) {
	reply := make(chan created, 1)
	s.root.Send(s.directory, &create{request: r, reply: reply})
	select {
	case c := <-reply:
		if c.err != nil {
			return nil, nil, c.err
		}
		return c.session, c.session.Info(), nil
	case <-ctx.Done():
		go s.abandon(reply, r.ClientToken != "", r.Sink)
		return nil, nil, context.Cause(ctx)
	case <-s.stopped:
		return nil, nil, ErrShuttingDown
	}
}

// abandon closes a session that nobody waits for any more, or keeps it without
// the sink of who has left.
func (s *System) abandon(reply <-chan created, keep bool, sink EventSink) {
	select {
	case c := <-reply:
		switch {
		case c.err != nil:
		case !keep:
			s.root.Send(c.session.pid, &end{reason: EndedByClient})
		case sink != nil:
			c.session.Send(&Call{Request: &Disconnected{Sink: sink}, Caller: noCaller{}})
		}
	case <-s.stopped: // it has ended all of them
	}
}

// noCaller waits for no answer.
type noCaller struct{}

func (noCaller) Reply(any, error) {}

// Lookup finds the owner's session. It waits for nobody.
// Errors: ErrSessionNotFound, ErrSessionClosed when it ended a moment ago,
// ErrShuttingDown.
func (s *System) Lookup(owner, id string) (*Session, error) {
	select {
	case <-s.stopped:
		return nil, ErrShuttingDown
	default:
		return s.register.find(owner, id)
	}
}

// OwnerOf is the owner of a session, "" when there is none.
func (s *System) OwnerOf(id string) string {
	session, err := s.register.find(Everybody, id)
	if err != nil {
		return ""
	}
	return session.owner
}

// List returns a page of the owner's sessions, oldest first, and the id to
// give as After for the next page, "" behind the last. It waits for nobody.
// Errors: ErrShuttingDown.
func (s *System) List(r ListRequest) (infos []*Info, next string, err error) {
	select {
	case <-s.stopped:
		return nil, "", ErrShuttingDown
	default:
	}
	page, next := s.register.page(r)
	infos = make([]*Info, len(page))
	for i, session := range page {
		infos[i] = session.Info()
	}
	return infos, next, nil
}

// OutputMemory tells what is kept of all executions together.
func (s *System) OutputMemory() output.Usage { return s.memory.Usage() }

// Running is how many executions run, those in the background included.
func (s *System) Running() int64 { return s.running.Load() }

// Stopped is closed once Shutdown is done: nobody answers a call after it.
func (s *System) Stopped() <-chan struct{} { return s.stopped }

// Drain refuses new sessions from now on; Lookup and calls go on.
func (s *System) Drain() {
	s.root.Send(s.directory, &drain{})
	s.stopPools() // nobody is to be given what is ready any more
}

// Shutdown drains, closes every session with the reason shutdown, and returns
// once nothing of them is left or ctx ends. It is called once; afterwards
// every call fails with ErrShuttingDown.
func (s *System) Shutdown(ctx context.Context) error {
	s.Drain()
	empty, done := make(chan struct{}), make(chan struct{})
	s.root.Send(s.directory, &drain{empty: empty})
	var err error
	select {
	case <-empty:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	go func() {
		defer close(done)
		s.awaitPools()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	_ = s.root.StopFuture(s.directory).Wait()
	close(s.stopped)
	s.actors.EventStream.Unsubscribe(s.deadLetters)
	s.actors.Shutdown()
	s.dispatcher.Close()
	return err
}

// spawner spawns actors of one kind. A Props of its own would cost each of them
// 240 bytes for as long as it lives, so they share one, whose producer finds
// the actor here: protoactor-go asks it before the spawn returns, and again
// only for a restart, which none of our supervisors orders.
type spawner struct {
	mu    sync.Mutex
	props *actor.Props
	next  actor.Actor
}

func newSpawner(options ...actor.PropsOption) *spawner {
	s := &spawner{}
	s.props = actor.PropsFromProducer(func() actor.Actor { return s.next }, options...)
	return s
}

// spawn starts a under a name that was never used, as a child of parent.
func (s *spawner) spawn(parent actor.SpawnerContext, a actor.Actor, name string) *actor.PID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = a
	defer func() { s.next = nil }()
	pid, err := parent.SpawnNamed(s.props, name)
	if err != nil {
		panic(err) // the name was used
	}
	return pid
}

// warnings passes on what protoactor-go logs from Warn up: at Info it logs
// every message that came too late, contents included.
type warnings struct{ slog.Handler }

// Enabled holds back what is below Warn.
func (w *warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// quiet is part of our messages: one that comes too late for its actor is no
// news.
type quiet struct{}

// IgnoreDeadLetterLogging is asked by protoactor-go before it logs.
func (quiet) IgnoreDeadLetterLogging() {}
