package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/runtimes"
)

// How an environment that was lost is replaced.
const (
	// replaceAttempts is how often the making of a replacement may fail.
	replaceAttempts = 3
	// maxLosses within lossWindow close the session: whatever it runs kills
	// its environment every time.
	maxLosses  = 5
	lossWindow = time.Minute
	// teardownTimeout bounds the removal of an environment.
	teardownTimeout = 30 * time.Second
)

// Messages from the environment to its session.
type (
	environmentReady struct {
		quiet
		environment runtimes.Environment
	}
	environmentLost struct{ quiet }
	// environmentGone: there is none and there will be none.
	environmentGone struct {
		quiet
		err error
	}
	// environmentRemoved: nothing of it and of the workspace is left.
	environmentRemoved struct{ quiet }
)

// Messages of the environment to itself, and remove from its session.
type (
	made struct {
		quiet
		generation int
	}
	lost struct {
		quiet
		generation int
	}
	again struct {
		quiet
		generation int
	}
	remove struct{ quiet }
)

// environment is the actor that owns one session's environment: it makes it,
// notices its loss, replaces it on the same workspace, and removes it. Slow
// work runs outside and comes back as a message with a generation.
type environment struct {
	system  *System
	runtime runtimes.Runtime
	spec    runtimes.Spec
	session *actor.PID
	self    *actor.PID
	ends    *ends

	generation int
	attempts   int
	losses     []time.Time
	current    runtimes.Environment
	making     *creation
	closing    chan struct{} // closed once the lost one is gone; nil without
	removed    bool
}

// Receive handles one message.
func (e *environment) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		e.self = ctx.Self()
		if !e.removed {
			e.make()
		}
	case *made:
		if m.generation == e.generation && !e.removed {
			e.made(<-e.making.done)
		}
	case *again:
		if m.generation == e.generation && !e.removed {
			e.make()
		}
	case *lost:
		if m.generation == e.generation && !e.removed {
			e.lost()
		}
	case *remove, *actor.Stopping, *actor.Restarting:
		e.remove()
	}
}

// LossNotifier is an Environment that calls f once when it is lost, which
// spares a goroutine for each idle session.
type LossNotifier interface{ NotifyLost(f func()) }

// watch reports the loss of the environment.
func (e *environment) watch(env runtimes.Environment) {
	report := &lost{generation: e.generation}
	if n, ok := env.(LossNotifier); ok {
		n.NotifyLost(func() { e.system.root.Send(e.self, report) })
		return
	}
	removed := make(chan struct{})
	e.current = &watched{env, removed}
	go func() {
		select {
		case <-env.Lost():
			e.system.root.Send(e.self, report)
		case <-removed:
		}
	}()
}

// watched ends the goroutine that watches the environment when it is closed.
type watched struct {
	runtimes.Environment
	removed chan struct{}
}

// Close closes the environment and its watch. It is called once.
func (w *watched) Close(ctx context.Context) error {
	close(w.removed)
	return w.Environment.Close(ctx)
}

// lost replaces the environment.
func (e *environment) lost() {
	now := time.Now()
	for len(e.losses) > 0 && now.Sub(e.losses[0]) > lossWindow {
		e.losses = e.losses[1:]
	}
	e.losses = append(e.losses, now)
	gone := e.current
	e.current = nil
	e.tell(&environmentLost{})
	// What is left of the old one goes before the new one comes: they would
	// share the workspace and, in part, their names.
	e.generation++
	generation, closing := e.generation, make(chan struct{})
	e.closing = closing
	e.system.dispatcher.Schedule(func() {
		e.system.close(gone, e.spec.Session)
		close(closing)
		e.system.root.Send(e.self, &again{generation: generation})
	})
	if len(e.losses) > maxLosses {
		e.generation++ // no replacement
		e.tell(&environmentGone{err: runtimes.ErrEnvironmentLost})
	}
}

// close removes an environment; what cannot be removed is logged and left to
// the next sweep.
func (s *System) close(env runtimes.Environment, session string) {
	ctx, cancel := context.WithTimeout(context.Background(), teardownTimeout)
	defer cancel()
	if err := env.Close(ctx); err != nil {
		s.options.Logger.Error("environment not removed", "session", session, "environment", env.ID(), "error", err)
	}
}

// remove ends everything, once, and tells the session when nothing is left.
func (e *environment) remove() {
	if e.removed {
		return
	}
	e.removed = true
	current, making, closing, workspace := e.current, e.making, e.closing, e.spec.Workspace
	if making != nil {
		making.cancel()
	}
	e.system.dispatcher.Schedule(func() {
		if making != nil {
			if r := <-making.done; r.err == nil {
				current, workspace = r.environment, r.environment.Workspace()
			}
		}
		if closing != nil {
			<-closing
		}
		if current != nil {
			e.system.close(current, e.spec.Session)
		}
		if workspace != nil {
			if err := workspace.Close(); err != nil {
				e.system.options.Logger.Error("workspace not removed", "session", e.spec.Session, "error", err)
			}
		}
		e.ends.one()
		e.tell(&environmentRemoved{})
	})
}

func (e *environment) tell(m any) { e.system.root.Send(e.session, m) }
