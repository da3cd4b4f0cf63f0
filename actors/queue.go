package actors

// queue is messages, first in, first out. It has no lock of its own. Protoactor-go's
// queues allocate a node for each message; this one reuses its memory.
type queue struct {
	all  []any // all[head:] wait
	head int
}

// keepMessages is for how many messages an empty queue keeps its memory: more
// is that of a burst.
const keepMessages = 16

func (q *queue) empty() bool { return q.head == len(q.all) }

func (q *queue) len() int { return len(q.all) - q.head }

func (q *queue) push(m any) {
	if q.head > len(q.all)/2 && len(q.all) == cap(q.all) { // move up instead of growing
		n := copy(q.all, q.all[q.head:])
		clear(q.all[n:])
		q.all, q.head = q.all[:n], 0
	}
	q.all = append(q.all, m)
}

// pop returns nil when the queue is empty.
func (q *queue) pop() any {
	if q.empty() {
		return nil
	}
	m := q.all[q.head]
	q.all[q.head] = nil
	q.head++
	if q.empty() {
		q.all, q.head = q.all[:0], 0
		if cap(q.all) > keepMessages {
			q.all = nil
		}
	}
	return m
}
