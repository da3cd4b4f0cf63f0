package guestlink

import (
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

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
