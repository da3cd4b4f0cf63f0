package actors

import (
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
)

// What is kept of executions that are done.
const (
	keepFor   = 10 * time.Minute
	keepCount = 1024     // of one session
	keepBytes = 32 << 20 // of output and results, of one session; the last one is kept whatever its size
)

// executions are those of a session that are kept, oldest first.
type executions struct {
	byID map[string]*execution
	// done are the completed ones in the order of their completion.
	done  []completion
	bytes int          // of memory of done
	live  []*execution // queued and running, in the order of arrival
}

type completion struct {
	execution *execution
	at        time.Time
	bytes     int
}

func (x *executions) add(e *execution) {
	if x.byID == nil {
		x.byID = make(map[string]*execution)
	}
	x.byID[e.id] = e
	x.live = append(x.live, e)
}

func (x *executions) find(id string) *execution { return x.byID[id] }

// unfinished returns a copy, so that the caller may end what it holds.
func (x *executions) unfinished() []*execution { return slices.Clone(x.live) }

// forget lets go of an execution that never ran.
func (x *executions) forget(e *execution) {
	delete(x.byID, e.id)
	x.leave(e)
}

func (x *executions) leave(e *execution) {
	if at := slices.Index(x.live, e); at >= 0 {
		x.live = slices.Delete(x.live, at, at+1)
	}
}

// completed keeps e for its time, and lets go of those whose time is over.
func (x *executions) completed(e *execution, now time.Time) {
	x.leave(e)
	size := e.log.Size()
	x.bytes += size
	x.done = append(x.done, completion{e, now, size})
	x.expire(now)
}

func (x *executions) expire(now time.Time) {
	old := 0
	for old < len(x.done) && x.overdone(old, now) {
		x.drop(&x.done[old])
		x.done[old] = completion{}
		old++
	}
	x.done = x.done[old:]
}

// drop lets go of an execution that is done.
func (x *executions) drop(c *completion) {
	delete(x.byID, c.execution.id)
	x.bytes -= c.bytes
	c.execution.log.Release()
}

// forgotten drops one that there is no more memory for.
func (x *executions) forgotten(e *execution) {
	at := slices.IndexFunc(x.done, func(c completion) bool { return c.execution == e })
	if at >= 0 {
		x.drop(&x.done[at])
		x.done = slices.Delete(x.done, at, at+1)
	}
}

// release lets go of the output of all, at the end of the session.
func (x *executions) release() {
	for _, e := range x.byID {
		e.log.Release()
	}
}

// overdone reports whether the oldest completion, the one at that index, is
// not to be kept.
func (x *executions) overdone(oldest int, now time.Time) bool {
	kept := len(x.done) - oldest
	return kept > keepCount || x.bytes > keepBytes && kept > 1 || now.Sub(x.done[oldest].at) >= keepFor
}

// nextExpiry is when expire has something to do; zero without any.
func (x *executions) nextExpiry() time.Time {
	if len(x.done) == 0 {
		return time.Time{}
	}
	return x.done[0].at.Add(keepFor)
}

func (x *executions) list() *ExecutionList {
	all := make([]*execution, 0, len(x.byID))
	for _, c := range x.done {
		all = append(all, c.execution)
	}
	all = append(all, x.live...)
	slices.SortFunc(all, func(a, b *execution) int { return a.arrived.Compare(b.arrived) })
	list := &ExecutionList{Executions: make([]ExecutionInfo, 0, len(all))}
	for _, e := range all {
		list.Executions = append(list.Executions, e.info())
	}
	return list
}

// overdue calls f for each running program whose time is up, once.
func (x *executions) overdue(now time.Time, f func(*execution)) {
	for _, e := range x.live {
		if e.state == output.Running && !e.deadline.IsZero() && !now.Before(e.deadline) {
			e.deadline = time.Time{}
			f(e)
		}
	}
}

// nextDeadline is the earliest time at which overdue or waiters have something
// to do; zero without any.
func (x *executions) nextDeadline() time.Time {
	var next time.Time
	for _, e := range x.live {
		next = earlier(next, e.deadline)
		for _, w := range e.waiters {
			next = earlier(next, w.deadline)
		}
	}
	return next
}

// giveUp returns the waiters whose time is up.
func (x *executions) giveUp(now time.Time, f func(*execution, *Call)) {
	for _, e := range x.live {
		e.waiters = slices.DeleteFunc(e.waiters, func(w waiter) bool {
			late := !w.deadline.IsZero() && !now.Before(w.deadline)
			if late {
				f(e, w.call)
			}
			return late
		})
	}
}

// earlier is the earlier of two times; the zero time is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
