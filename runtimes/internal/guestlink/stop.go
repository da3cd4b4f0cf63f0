package guestlink

import (
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Stop ends the tree; see runtimes.Process. It returns at once.
func (p *process) Stop(reason runtimes.Status) {
	p.mu.Lock()
	first := p.reason == 0 && !p.ended
	if first {
		p.reason = reason
	}
	p.mu.Unlock()
	if first {
		go p.terminate()
	}
}

// terminate ends the program in steps, each with a deadline. An agent that
// does not report the end of a killed program is given up.
func (p *process) terminate() {
	if !p.within(p.started, replyTimeout) {
		p.link.fail(protocolError("no answer to a Start for %v", replyTimeout))
		return
	}
	p.signalTree(runtimes.SIGTERM)
	if p.within(p.done, runtimes.StopGrace) {
		return
	}
	p.signalTree(runtimes.SIGKILL)
	if !p.within(p.done, endTimeout) {
		p.link.fail(protocolError("a killed program did not end within %v", endTimeout))
	}
}

// within waits for ch or the end of the link, and reports false when d passes
// first.
func (p *process) within(ch <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ch:
		return true
	case <-p.link.done:
		return true
	case <-timer.C:
		return false
	}
}
