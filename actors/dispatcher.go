package actors

import "sync"

// dispatcher runs actors, and the slow work outside them, on warm goroutines:
// a new goroutine for each message would grow its stack anew each time, which
// measured at half of the cost of a request. It starts as many as are needed
// and keeps some of them.
type dispatcher struct {
	mu     sync.Mutex
	idle   []chan job
	closed bool
}

const (
	// idleWorkers is how many goroutines are kept for the next burst.
	idleWorkers = 256
	// throughput is how many messages an actor handles before it yields.
	throughput = 300
)

// job is a piece of work. A pointer that is one costs no closure.
type job interface{ do() }

type jobFunc func()

func (f jobFunc) do() { f() }

// Schedule runs f soon on some goroutine. It does not block. It is
// protoactor-go's way in.
func (d *dispatcher) Schedule(f func()) { d.start(jobFunc(f)) }

// start runs j soon on some goroutine. It does not block.
func (d *dispatcher) start(j job) {
	d.mu.Lock()
	if n := len(d.idle); n > 0 {
		worker := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		worker <- j
		return
	}
	d.mu.Unlock()
	go d.work(j)
}

// Throughput is for protoactor-go.
func (d *dispatcher) Throughput() int { return throughput }

func (d *dispatcher) work(j job) {
	for next := make(chan job, 1); j != nil; j = <-next {
		j.do()
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
