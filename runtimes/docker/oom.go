package docker

import (
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// oomSource tells how many processes of a container the kernel has killed for
// want of memory.
type oomSource interface {
	// kills is how many are known of now.
	kills() int64
	// beyond waits, if need be, until more than so many are known of.
	beyond(kills int64) bool
}

// oomFileSource reads the counter of the container's cgroup, which is exact.
type oomFileSource struct{ file string }

func (s oomFileSource) kills() int64           { return readOOMKills(s.file) }
func (s oomFileSource) beyond(most int64) bool { return s.kills() > most }

// witnessed wraps the sink of a program to tell one that was killed for want of
// memory from one that was killed for another reason. It is for a server that
// can make no cgroups in the container's; the link knows better where it can.
func (e *Environment) witnessed(sink runtimes.Sink) runtimes.Sink {
	if e.oom == nil {
		return sink
	}
	return &oomWitness{sink, e, e.oom.kills()}
}

type oomWitness struct {
	runtimes.Sink
	env    *Environment
	before int64
}

// Exited corrects the status of a program that the kernel killed. As the source
// may have to wait for the engine's word, which comes within milliseconds, the
// call is handed on by another goroutine; Environment.lose waits for it.
func (w *oomWitness) Exited(exit runtimes.Exit) {
	killed := exit.Status == runtimes.Signalled && exit.Signal == runtimes.SIGKILL.String()
	if !killed {
		// One that was not killed itself, but lost a child, exits with a code.
		if exit.Status == runtimes.NonZeroExit && w.env.oom.kills() > w.before {
			exit.Status = runtimes.MemoryLimitExceeded
		}
		w.Sink.Exited(exit)
		return
	}
	w.env.witnesses.Go(func() {
		if w.env.oom.beyond(w.before) {
			exit.Status = runtimes.MemoryLimitExceeded
		}
		w.Sink.Exited(exit)
	})
}

// oomPatience is how long the engine's word about a kill is waited for.
const oomPatience = 300 * time.Millisecond

// oomEvents counts the engine's events "oom" of one container. They come for
// any process of it, also where inspect says OOMKilled false.
type oomEvents struct {
	mu      sync.Mutex
	count   int64
	changed chan struct{} // closed by the next event; nil when nobody waits
}

func (o *oomEvents) note() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

func (o *oomEvents) kills() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

func (o *oomEvents) beyond(most int64) bool {
	late := time.NewTimer(oomPatience)
	defer late.Stop()
	for {
		o.mu.Lock()
		if o.count > most {
			o.mu.Unlock()
			return true
		}
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-late.C:
			return false
		}
	}
}
