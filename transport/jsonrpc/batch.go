package jsonrpc

// Batch collects the replies to the members of one array into one array
// message, in the order in which they come. Those that do not fit into what out
// takes are errors. It is safe for concurrent use.
type Batch struct {
	g       gather
	out     Replier
	total   int  // members, if known; the most replies there can be
	members bool // of the goroutine that reads the batch
}

// NewBatch returns a Batch whose message goes to out once it is closed and
// every expected reply has come; none goes when no reply was expected.
func NewBatch(out Replier) *Batch {
	b := &Batch{out: out}
	b.g.done = b.send
	return b
}

// Expect announces one more reply. Not after Close.
func (b *Batch) Expect() {
	if !b.members {
		b.members = true
		expect(b.out)
	}
	b.g.expect()
}

// Reply adds one reply that was announced.
func (b *Batch) Reply(encode func(dst []byte) []byte) { b.g.reply(',', b.mostLocked, encode) }

// Room is Bounded's: what is left, in equal shares.
func (b *Batch) Room() int {
	b.g.mu.Lock()
	defer b.g.mu.Unlock()
	share, _ := b.leftLocked()
	return share
}

// mostLocked is how large one reply may be, if every other one that is due gets
// its share or is refused for its size.
func (b *Batch) mostLocked() int {
	share, left := b.leftLocked()
	return max(share, left)
}

// leftLocked is the share of each reply that is due, and what one could have
// without regard to the others. Zeros have no bound.
func (b *Batch) leftLocked() (share, left int) {
	most := roomOf(b.out)
	if most == 0 {
		return 0, 0
	}
	due := b.g.waiting
	if !b.g.closed {
		due = max(due, b.total-b.g.replied)
	}
	due = max(due, 1)
	left = most - len("[]") - len(b.g.out) - (due - 1)
	return max(left/due, 1), left - (due-1)*boundRoom
}

// Close says that all members were read.
func (b *Batch) Close() { b.g.close() }

func (b *Batch) send(replies []byte) {
	if len(replies) == 0 {
		return
	}
	b.out.Reply(func(dst []byte) []byte {
		dst = append(dst, '[')
		dst = append(dst, replies...)
		return append(dst, ']')
	})
}
