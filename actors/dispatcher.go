package actors

import "sync"

// dispatcher runs actors, and the slow work outside them, on warm goroutines:
// a new goroutine for each message would grow its stack anew each time, which
// measured at half of the cost of a request. It starts as many as are needed
// and keeps some of them.
type dispatcher struct {
	mu     sync.Mutex
	idle   []chan func()
	closed bool
}

const (
	// idleWorkers is how many goroutines are kept for the next burst.
	idleWorkers = 256
	// throughput is how many messages an actor handles before it yields.
	throughput = 300
)

// Schedule runs f soon on some goroutine. It does not block.
func (d *dispatcher) Schedule(f func()) {
	d.mu.Lock()
	if n := len(d.idle); n > 0 {
		worker := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		worker <- f
		return
	}
	d.mu.Unlock()
	go d.work(f)
}

// Throughput is for protoactor-go.
func (d *dispatcher) Throughput() int { return throughput }

func (d *dispatcher) work(f func()) {
	for next := make(chan func(), 1); f != nil; f = <-next {
		f()
		d.mu.Lock()
		if d.closed || len(d.idle) >= idleWorkers {
			d.mu.Unlock()
			return
		}
		d.idle = append(d.idle, next)
		d.mu.Unlock()
	}
}

// Close lets the idle goroutines go; busy ones go when they are done.
func (d *dispatcher) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, worker := range d.idle {
		close(worker)
	}
	d.idle = nil
}
