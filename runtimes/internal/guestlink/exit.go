package guestlink

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
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
	p.first = nil
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
	p.late.Stop()
	p.sink.Exited(exit)
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
// ended a process of it because memory ran out.
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

// nameProcesses tells what processes of this host are in the environment: their
// numbers there and their names. The dead that nobody has reaped are left out.
func nameProcesses(hostPIDs []int) []runtimes.EndedProcess {
	var found []runtimes.EndedProcess
	for _, pid := range hostPIDs {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			continue // it has ended meanwhile
		}
		if p, lives := parseStatus(string(status)); lives {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b runtimes.EndedProcess) int { return a.PID - b.PID })
	return found[:min(len(found), runtimes.MaxEnded)]
}

// parseStatus reads proc_pid_status(5).
func parseStatus(text string) (p runtimes.EndedProcess, lives bool) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			p.Name = sentence([]byte(value))
		case "State":
			lives = value != "" && value[0] != 'Z' && value[0] != 'X'
		case "Pid":
			p.PID, _ = strconv.Atoi(value)
		case "NSpid": // in each namespace, the innermost last
			if all := strings.Fields(value); len(all) > 0 {
				p.PID, _ = strconv.Atoi(all[len(all)-1])
			}
		}
	}
	return p, lives && p.PID > 0
}

// How often the memory of a running program is looked at: often at first, for
// most programs are short.
const (
	firstLook = 10 * time.Millisecond
	slowLook  = 100 * time.Millisecond
)

// memoryMeter finds the most that the processes of a control group held at one
// time. The kernel remembers the most that the group was charged for, and that
// includes the pages of files that they read or wrote. The meter looks from time
// to time at both parts.
type memoryMeter struct {
	mu    sync.Mutex
	timer *time.Timer // nil: not running
	next  time.Duration
	most  cgroup.Memory // of each part, at any look
}

// watch looks until stop. look returns false when there is nothing to see any
// more.
func (m *memoryMeter) watch(look func() (now cgroup.Memory, ok bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next = firstLook
	m.timer = time.AfterFunc(m.next, func() {
		now, ok := look()
		m.mu.Lock()
		defer m.mu.Unlock()
		if !ok || m.timer == nil {
			return
		}
		m.see(now)
		m.next = min(2*m.next, slowLook)
		m.timer.Reset(m.next)
	})
}

// lookAtMemory reads the group, as long as it is the process's own.
func (p *process) lookAtMemory() (now cgroup.Memory, ok bool) {
	p.act(func() { now, ok = p.group.Memory() })
	return now, ok
}

func (m *memoryMeter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
}

func (m *memoryMeter) see(now cgroup.Memory) {
	m.most.Held = max(m.most.Held, now.Held)
	m.most.Cache = max(m.most.Cache, now.Cache)
}

// peak is what was held at most, given the most that was charged and what is
// charged at the end. It is exact as long as there was no cache. Beside cache it
// may miss what was held between two looks, and it never exceeds what was charged.
func (m *memoryMeter) peak(charged int64, end cgroup.Memory) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.see(end)
	return min(charged, max(m.most.Held, charged-m.most.Cache))
}
