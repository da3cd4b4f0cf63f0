package docker

import (
	"sync"
	"time"
)

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
