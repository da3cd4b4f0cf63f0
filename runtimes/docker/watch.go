package docker

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

const (
	// reconnectFirst and reconnectLast bound the waits between attempts to
	// follow the engine's events.
	reconnectFirst = 100 * time.Millisecond
	reconnectLast  = 5 * time.Second
)

// watch follows the engine's events until ctx ends. Events are only hints: the
// stream may have gaps, so after each connect everything is compared.
func (r *Runtime) watch(ctx context.Context) {
	wait := reconnectFirst
	for ctx.Err() == nil {
		connected := time.Now()
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(connected) > reconnectLast {
			wait = reconnectFirst
			r.log.Warn("the Docker engine's events ended; connecting again", "error", err)
		}
		r.forgetAccess()
		r.probes.forget()
		sleep(ctx, wait)
		wait = min(2*wait, reconnectLast)
	}
}

// follow reads events until the stream ends.
func (r *Runtime) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Events waits for the header of the reply, which a stalled engine never sends.
	guard := time.AfterFunc(r.engine.read, cancel)
	// Any call before: the client agrees on a version of the API with the first,
	// which Events does not wait for (a data race in docker/client v28.5.2).
	if _, err := r.engine.version(ctx); err != nil {
		return err
	}
	messages, errs := r.engine.events(ctx, r.ours())
	if !guard.Stop() {
		return context.DeadlineExceeded
	}
	r.kick()
	for {
		select {
		case message := <-messages:
			r.noticed(message)
		case err := <-errs:
			return err
		}
	}
}

// noticed acts on one event: a process killed for want of memory, the death of a container that somebody answers
// for, and the birth of one that nobody does (a create whose reply was lost).
func (r *Runtime) noticed(message events.Message) {
	name := message.Actor.Attributes["name"]
	env, claimed := r.claims.holds(name)
	switch message.Action {
	case events.ActionCreate:
		if !claimed {
			r.kick()
		}
	case events.ActionOOM:
		if env != nil {
			env.ooms.note()
		}
	case events.ActionDie, events.ActionDestroy:
		if env != nil {
			env.lose("its container has ended: " + string(message.Action))
		}
	}
}

// events subscribes to what happens to containers. The stream lives until ctx
// ends; the engine is asked for the last seconds too, for it may answer before
// it listens.
func (e *engine) events(ctx context.Context, which filters.Args) (<-chan events.Message, <-chan error) {
	which.Add("type", string(events.ContainerEventType))
	for _, action := range []events.Action{events.ActionCreate, events.ActionOOM, events.ActionDie, events.ActionDestroy} {
		which.Add("event", string(action))
	}
	return e.api.Events(ctx, events.ListOptions{Since: "2s", Filters: which})
}
