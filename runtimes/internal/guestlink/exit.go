package guestlink

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// finish takes the process out of the link and ends all waits. It reports
// false when that has been done.
func (p *process) finish() bool {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return false
	}
	p.ended = true
	signals := p.signals
	p.signals = nil
	p.input.first = nil
	p.mu.Unlock()
	for _, reply := range signals {
		reply <- false
	}
	l := p.link
	l.mu.Lock()
	delete(l.processes, p.id)
	l.mu.Unlock()
	l.share.End()
	return true
}

// tell makes the last call of the sink.
func (p *process) tell(exit runtimes.Exit) {
	exit.Usage.Wall = time.Since(p.begun)
	if sink := p.audience(); sink != nil {
		sink.Exited(exit)
	}
	close(p.done)
	if !p.isStarted() {
		close(p.started)
	}
}

// lost ends an execution whose link has ended. Nothing is known of it.
func (p *process) lost() {
	if p.finish() {
		closeAll(p.tasks)
		p.tell(runtimes.Exit{Status: runtimes.EnvironmentLost, Message: "the environment ended while the program ran"})
	}
}

// notStarted ends an execution that never ran.
func (p *process) notStarted(message []byte) error {
	if p.isStarted() {
		return protocolError("NotStarted after Started")
	}
	p.finish()
	hit := p.limitsHit()
	p.abort()
	p.tell(runtimes.Exit{Status: runtimes.CouldNotStart, Message: sentence(message), LimitsHit: hit})
	return nil
}

// maxMessage bounds what an agent can make a client read, in bytes.
const maxMessage = 1 << 10

func sentence(text []byte) string {
	return strings.ToValidUTF8(string(text[:min(len(text), maxMessage)]), "\uFFFD")
}

// exited ends an execution whose program has ended. What is left of its tree
// is ended outside the reader.
func (p *process) exited(payload []byte) error {
	var end frame.Exit
	if err := json.Unmarshal(payload, &end); err != nil {
		return protocolError("Exited: %v", err)
	}
	if !p.isStarted() {
		return protocolError("Exited before Started")
	}
	if end.Code != nil && (*end.Code < 0 || *end.Code > 255) || end.Signal < 0 || end.Signal > 64 {
		return protocolError("Exited with an impossible status")
	}
	p.finish()
	p.link.ending.Add(1)
	go p.conclude(end)
	return nil
}

func (p *process) conclude(end frame.Exit) {
	defer p.link.ending.Done()
	exit := runtimes.Exit{Code: end.Code, Signal: runtimes.Signal(end.Signal).String()}
	if end.CPU != nil {
		cpu := time.Duration(*end.CPU)
		exit.Usage.CPU = &cpu
	}
	outOfMemory := false
	exit.Usage.PeakMemory = end.Peak
	for _, left := range end.Left[:min(len(end.Left), runtimes.MaxEnded)] {
		exit.Ended = append(exit.Ended, runtimes.EndedProcess{PID: left.PID, Name: sentence([]byte(left.Name))})
	}
	exit.LimitsHit = p.limitsHit()
	if p.group != nil {
		p.memory.stop()
		exit.Ended = p.endGroup()
		outOfMemory = p.readGroup(&exit)
	}
	exit.Status = p.status(end, outOfMemory)
	p.mu.Lock()
	if p.reason != 0 {
		exit.Ended = nil // what Stop ended, it ended with its program
	}
	exit.Cut = p.cut
	p.mu.Unlock()
	p.leaveGroup(!outOfMemory && !p.hasOwnLimits()) // before: what follows at once may have it
	p.tell(exit)
}

// readGroup fills in the usage of the whole tree and tells whether the kernel
// ended a process of it for want of memory.
func (p *process) readGroup(exit *runtimes.Exit) (outOfMemory bool) {
	usage := p.group.Usage()
	exit.Usage.CPU = usage.CPU
	if usage.PeakMemory != nil {
		end, _ := p.group.Memory()
		peak := p.memory.peak(*usage.PeakMemory, end)
		exit.Usage.PeakMemory = &peak
	}
	kills, _ := p.group.OOMKills()
	return kills > 0
}

// limitsHit tells whether the limit of processes was reached while the program
// ran: its own limit or, where the kernel tells only that, the session's, which
// another of its programs may have reached.
func (p *process) limitsHit() []runtimes.Limit {
	if p.group == nil {
		return nil // the kernel tells nobody
	}
	if p.group.Refused() == 0 && p.link.groups.run.RefusedByLimit() <= p.refusedBefore {
		return nil
	}
	return []runtimes.Limit{runtimes.ProcessLimit}
}

// status is the first reason of Stop, else want of memory if the program did
// not end well, else what the kernel's word means.
func (p *process) status(end frame.Exit, outOfMemory bool) runtimes.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.reason != 0:
		return p.reason
	case outOfMemory && (end.Signal == int(runtimes.SIGKILL) || end.Code != nil && *end.Code != 0):
		return runtimes.MemoryLimitExceeded
	case end.Code == nil && end.Signal == 0: // the agent does not know
		return runtimes.EnvironmentLost
	case end.Code == nil:
		return runtimes.Signalled
	case *end.Code == 0:
		return runtimes.Completed
	}
	return runtimes.NonZeroExit
}
