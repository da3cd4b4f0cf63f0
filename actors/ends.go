package actors

import "sync/atomic"

// ends counts the two ends of a session, that of its actor and that of its
// environment, and has it forgotten at the second: in a regular life the
// actor ends last, after a panic first.
type ends struct {
	system  *System
	session string
	count   atomic.Int32
}

// one notes one of the ends.
func (e *ends) one() {
	if e.count.Add(1) == 2 {
		e.system.register.remove(e.session)
		e.system.root.Send(e.system.directory, &freed{id: e.session})
	}
}
