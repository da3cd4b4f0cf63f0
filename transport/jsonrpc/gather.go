package jsonrpc

import "sync"

// gather collects an announced number of replies. Guarded by mu: the rest.
type gather struct {
	mu      sync.Mutex
	out     []byte
	waiting int
	replied int
	closed  bool // no more will be announced
	done    func(out []byte)
}

func (g *gather) expect() {
	g.mu.Lock()
	g.waiting++
	g.mu.Unlock()
}

// reply appends a reply after a separator. The last one ends the gathering.
// room, called under the lock, is how large the reply may be.
func (g *gather) reply(separator byte, room func() int, encode func(dst []byte) []byte) {
	g.mu.Lock()
	defer g.finishAndUnlock()
	if len(g.out) > 0 {
		g.out = append(g.out, separator)
	}
	start, most := len(g.out), room()
	g.out = Bound(encode(g.out), start, most)
	g.waiting--
	g.replied++
}

func (g *gather) close() {
	g.mu.Lock()
	defer g.finishAndUnlock()
	g.closed = true
}

func (g *gather) finishAndUnlock() {
	done, out := g.done, g.out
	finished := g.closed && g.waiting <= 0 && done != nil
	if finished {
		g.done = nil // once
	}
	g.mu.Unlock()
	if finished {
		done(out)
	}
}
