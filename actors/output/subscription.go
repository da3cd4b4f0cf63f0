package output

import (
	"errors"
	"slices"

	"github.com/codebeaker/codebeaker/runtimes"
)

// ErrBeyondEnd: a subscription was asked to start behind the last chunk.
var ErrBeyondEnd = errors.New("the sequence number is beyond the end of the output")

// Oldest starts a subscription at the oldest chunk that is kept.
const Oldest int64 = -1

// Snapshot is a log at one moment.
type Snapshot struct {
	State    State
	Outcome  any   // of Complete; nil before
	FirstSeq int64 // of the oldest chunk kept; NextSeq when there is none
	NextSeq  int64
	Dropped  [3]int64 // bytes since the start, by runtimes.Stream - 1
}

// Subscription is one reader's place in a log. It holds back the program when
// the reader falls behind, so it must be closed when the reader leaves.
type Subscription struct {
	log    *Log
	wake   func()
	cursor int64 // seq of the next chunk to read
	told   State // the last state the reader knows of
}

// Kind says what an Item is.
type Kind uint8

// The items of a subscription come in this order: at most one ItemStarted,
// chunks, one ItemCompleted.
const (
	ItemStarted Kind = iota + 1
	ItemChunk
	ItemCompleted
)

// Item is the next thing a reader should know.
type Item struct {
	Kind    Kind
	Chunk   Chunk // of ItemChunk
	Outcome any   // of ItemCompleted
}

// Subscribe opens a reader's place at fromSeq, or at the oldest chunk kept
// when fromSeq is Oldest or has been dropped. wake is called whenever there
// may be something new, from any goroutine, and must neither block nor call
// the log. The snapshot is of the same moment: nothing after it is missed.
// Errors: ErrBeyondEnd.
func (l *Log) Subscribe(fromSeq int64, wake func()) (*Subscription, Snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if fromSeq > l.ring.next {
		return nil, Snapshot{}, ErrBeyondEnd
	}
	s := &Subscription{log: l, wake: wake, cursor: max(fromSeq, l.ring.first())}
	if l.state != Queued {
		s.told = Running
	}
	// Copy on write: wake runs over the old slice without the lock.
	l.subs = append(slices.Clip(slices.Clone(l.subs)), s)
	return s, l.snapshotLocked(), nil
}

// Snapshot returns the log as it is now.
func (l *Log) Snapshot() Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.snapshotLocked()
}

func (l *Log) snapshotLocked() Snapshot {
	snap := Snapshot{State: l.state, Outcome: l.outcome, FirstSeq: l.ring.first(), NextSeq: l.ring.next}
	for i := range l.streams {
		snap.Dropped[i] = l.streams[i].dropped
	}
	return snap
}

// Log returns the log that is read.
func (s *Subscription) Log() *Log { return s.log }

// Next returns the next item, false when there is none for now. After
// ItemCompleted there is none for ever.
func (s *Subscription) Next() (Item, bool) {
	l := s.log
	l.mu.Lock()
	item, ok := s.nextLocked()
	if ok && item.Kind == ItemChunk {
		l.unlockAndTell(false)
	} else {
		l.mu.Unlock()
	}
	return item, ok
}

func (s *Subscription) nextLocked() (Item, bool) {
	l := s.log
	switch {
	case s.told == Queued && l.began:
		s.told = Running
		return Item{Kind: ItemStarted}, true
	case s.cursor < l.ring.next:
		chunk := *l.ring.at(s.cursor)
		s.cursor++
		return Item{Kind: ItemChunk, Chunk: chunk}, true
	case l.state == Completed && s.told != Completed:
		s.told = Completed
		return Item{Kind: ItemCompleted, Outcome: l.outcome}, true
	}
	return Item{}, false
}

// Close gives up the place; the program is no longer held back for it.
// Idempotent.
func (s *Subscription) Close() {
	l := s.log
	l.mu.Lock()
	if at := slices.Index(l.subs, s); at >= 0 {
		l.subs = slices.Delete(slices.Clone(l.subs), at, at+1)
	}
	l.unlockAndTell(false)
}

// DroppedBytes returns what has been dropped of one stream.
func (s Snapshot) DroppedBytes(of runtimes.Stream) int64 { return s.Dropped[of-1] }
