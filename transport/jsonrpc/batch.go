package jsonrpc

// Batch collects the replies to the members of one array into one array
// message, in the order in which they come. It is safe for concurrent use.
type Batch struct {
	g       gather
	out     Replier
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
func (b *Batch) Reply(encode func(dst []byte) []byte) { b.g.reply(',', encode) }

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
