package output

// grant is window to give back once the lock is free.
type grant struct {
	to Granter
	n  int
}

func (g grant) pay() {
	if g.n > 0 {
		g.to.Grant(g.n)
	}
}

// unlockAndTell ends a change of the log, whose lock is held and is free afterwards:
// what is over the capacity and nobody needs is dropped, the memory learns what
// is held, the program is granted its window back unless a reader holds it
// back, and readers are woken.
func (l *Log) unlockAndTell(news bool) {
	l.trimLocked()
	if m := l.memory; m != nil && (l.placeLocked() != l.place || l.wanting()) {
		l.mu.Unlock()
		m.move(l)
		if l.wanting() {
			m.reclaim(l)
		}
		l.mu.Lock()
		l.trimLocked()
	}
	grant := l.grantLocked()
	var subs []*Subscription
	if news {
		subs = l.subs
	}
	l.mu.Unlock()
	grant.pay()
	for _, s := range subs {
		s.wake()
	}
}

// trimLocked drops what is too much and nobody needs, and tells the memory.
func (l *Log) trimLocked() {
	for l.overfullLocked() && !l.neededLocked(l.ring.first()) {
		l.dropLocked()
	}
	l.weighLocked()
	for _, b := range [...]*bound{l.share, l.memory.whole()} {
		if b.tight() {
			l.shedLocked(b, b.limit)
		}
	}
}

// tight reports whether there is no room that other logs could make.
func (l *Log) tight() bool { return l.share.tight() || l.memory.whole().tight() }

// wanting reports whether other logs have to make room.
func (l *Log) wanting() bool { return l.share.wanting() || l.memory.whole().wanting() }

// shed drops the oldest chunks that no reader needs, until within holds no more
// than target.
func (l *Log) shed(within *bound, target int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shedLocked(within, target)
}

func (l *Log) shedLocked(within *bound, target int64) {
	for l.ring.len() > 0 && within.above(target) && !l.neededLocked(l.ring.first()) {
		l.memory.dropped.Add(int64(l.dropLocked()))
		l.weighLocked()
	}
}

// dropLocked drops the oldest chunk and returns its bytes.
func (l *Log) dropLocked() int {
	c := l.ring.pop()
	if c.Display == nil {
		l.streams[c.Stream-1].dropped += int64(len(c.Data))
	}
	return c.size()
}

// overfullLocked reports whether the ring holds enough without its oldest
// chunk.
func (l *Log) overfullLocked() bool {
	n := l.ring.len()
	if n == 0 {
		return false
	}
	oldest := l.ring.at(l.ring.first())
	return l.released || l.ring.bytes-oldest.size() >= l.options.Capacity || n > maxChunks
}

func (l *Log) neededLocked(seq int64) bool {
	for _, s := range l.subs {
		if s.cursor <= seq {
			return true
		}
	}
	return false
}

// grantLocked takes what is owed to the program, nothing while its readers
// hold it back: the ring is full, or the memory, of what they have not read.
func (l *Log) grantLocked() grant {
	if l.granter == nil || l.owed == 0 {
		return grant{}
	}
	if (l.overfullLocked() || l.tight()) && l.ring.len() > 0 && l.neededLocked(l.ring.first()) {
		return grant{}
	}
	g := grant{l.granter, l.owed}
	l.owed = 0
	return g
}

// weighLocked tells the memory what the log holds.
func (l *Log) weighLocked() {
	if l.memory == nil {
		return
	}
	now := l.ring.weight() + l.resultWeightLocked()
	if now != l.weight {
		l.memory.all.change(int64(now - l.weight))
		l.share.change(int64(now - l.weight))
		l.weight = now
	}
}

// resultWeightLocked is the memory of what is kept for the result.
func (l *Log) resultWeightLocked() int {
	n := l.held
	for i := range l.streams {
		n += len(l.streams[i].captured.data)
	}
	return n
}

// placeLocked is where the log belongs.
func (l *Log) placeLocked() place {
	switch {
	case l.weight == 0:
		return nowhere
	case l.state != Completed:
		return amongRunning
	case l.ring.len() > 0:
		return amongFinished
	}
	return amongResults
}
