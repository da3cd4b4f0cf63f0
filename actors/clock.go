package actors

import (
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// expiryWarning is how long before its end a session says so; one that lives
// no longer than that says so at half of its time.
const expiryWarning = time.Minute

// clock is a session's one timer. It is set for the earliest thing to come
// and, when it fires, looks at everything: so a command that ends in time
// costs nothing, its deadline is merely not found any more.
type clock struct {
	timer  *time.Timer
	set    time.Time // when it fires
	warned expiry    // what has been announced
}

// tick is the timer's message.
type tick struct{ quiet }

// expiry is the end of a session that is in sight.
type expiry struct {
	at     time.Time
	reason string
}

// start sets the clock of a new session.
func (s *session) start() {
	now := time.Now()
	root, self := s.system.root, s.self
	s.clock.set = s.wakeAt()
	s.clock.timer = time.AfterFunc(s.clock.set.Sub(now), func() { root.Send(self, &tick{}) })
}

// armFor makes the clock fire no later than at.
func (s *session) armFor(at time.Time) {
	if at.IsZero() || (!s.clock.set.IsZero() && !at.Before(s.clock.set)) {
		return
	}
	s.clock.set = at
	s.clock.timer.Reset(time.Until(at))
}

// arm sets the clock for the earliest thing to come.
func (s *session) arm() {
	s.clock.set = s.wakeAt()
	s.clock.timer.Reset(time.Until(s.clock.set))
}

// wakeAt is when there is something to do next.
func (s *session) wakeAt() time.Time {
	end := s.expiry()
	at := end.at
	if s.clock.warned != end {
		at = end.at.Add(-s.warningTime(end))
	}
	at = earlier(at, s.executions.nextDeadline())
	return earlier(at, s.executions.nextExpiry())
}

// expiry is when and why the session would end if nothing else happened.
func (s *session) expiry() expiry {
	end := expiry{s.info.CreatedAt.Add(s.info.MaxLifetime), EndedByMaxLifetime}
	if s.active == 0 && len(s.queue) == 0 && s.state() != Creating && s.state() != Recovering {
		idle := time.Unix(0, s.handle.lastActivity.Load()).Add(s.info.IdleTimeout)
		if idle.Before(end.at) {
			end = expiry{idle, EndedByIdleTimeout}
		}
	}
	if !s.alone.IsZero() {
		if gone := s.alone.Add(s.system.options.DisconnectGrace); gone.Before(end.at) {
			end = expiry{gone, EndedByDisconnect}
		}
	}
	return end
}

func (s *session) warningTime(end expiry) time.Duration {
	whole := s.info.IdleTimeout
	if end.reason == EndedByMaxLifetime {
		whole = s.info.MaxLifetime
	}
	if whole > expiryWarning {
		return expiryWarning
	}
	return whole / 2
}

// tick does what is due.
func (s *session) tick() {
	if s.closing != nil {
		return
	}
	now := time.Now()
	s.executions.overdue(now, func(e *execution) { e.task.stop(runtimes.TimeLimitExceeded) })
	s.executions.giveUp(now, func(e *execution, c *Call) { c.Caller.Reply(&Waited{State: e.state}, nil) })
	s.executions.expire(now)
	end := s.expiry()
	left := end.at.Sub(now)
	switch {
	case left <= 0:
		s.end(end.reason)
		return
	case left <= s.warningTime(end) && s.clock.warned != end:
		s.clock.warned = end
		s.emit(Event{Kind: Expiring, SessionID: s.info.SessionID, Reason: end.reason, In: left})
	}
	s.arm()
}
