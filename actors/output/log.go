package output

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// State is how far an execution has come. The zero value is Queued.
type State uint8

// The states, in the order in which they come.
const (
	Queued State = iota
	Running
	Completed
)

var stateNames = [...]string{"Queued", "Running", "Completed"}

// String returns the wire name.
func (s State) String() string { return stateNames[min(s, Completed)] }

// ParseState reads a wire name.
func ParseState(name string) (State, bool) {
	at := slices.Index(stateNames[:], name)
	return State(max(at, 0)), at >= 0
}

// Options of a Log. The zero value has the defaults.
type Options struct {
	// Capacity is how many bytes of output are kept at least, if there were
	// as many; chunks are kept whole. Zero means 1 MiB.
	Capacity int
	// Capture is how many bytes of each stream are kept for the result, the
	// first three quarters and the last. Zero means 1 MiB.
	Capture int
	// Memory is what the log shares with others. Nil has no bound.
	Memory *Memory
	// Key is whose share of Memory the log counts in; "" is nobody's.
	Key string
	// Owner keeps the execution; Memory forgets it through it. Nil keeps the
	// result for ever.
	Owner Owner
}

// Owner is who keeps an execution that is done.
type Owner interface {
	// Forgotten tells that the log was released because memory was short. It must
	// not block.
	Forgotten()
}

const (
	defaultCapacity = 1 << 20
	defaultCapture  = 1 << 20
	// maxChunks bounds what a program costs that writes byte by byte.
	maxChunks = 64 << 10
	// characterWait is how long an incomplete character waits for its rest.
	characterWait = 50 * time.Millisecond
)

// Granter takes back bytes of the output window; runtimes.Process is one.
type Granter interface{ Grant(n int) }

// Log is the output of one execution, and how far it has come. Its methods are
// safe for use by several goroutines.
type Log struct {
	id      string
	options Options
	memory  *Memory
	share   *bound // of its key; nil for none

	element *list.Element // in the list of place; guarded by memory.mu

	mu      sync.Mutex
	state   State
	began   bool // the program ran, so that readers are told it started
	outcome any
	ring    ring
	streams [3]stream // by runtimes.Stream - 1
	tail    *time.Timer
	granter Granter
	owed    int // bytes received and not granted back
	subs    []*Subscription

	held     int   // bytes of a result besides the output
	weight   int   // what the memory was told
	place    place // in the memory; changes under memory.mu too
	released bool  // nothing is kept for readers to come
}

// stream is what a log knows of one stream.
type stream struct {
	written  int64 // bytes that are in chunks
	dropped  int64
	partial  []byte // of a character
	captured capture
}

// NewLog makes the log of the execution with that id, in state Queued.
func NewLog(id string, o Options) *Log {
	l := &Log{}
	l.Init(id, o)
	return l
}

// Init makes a zero Log ready; it is for logs that are part of a larger value.
func (l *Log) Init(id string, o Options) {
	if o.Capacity <= 0 {
		o.Capacity = defaultCapacity
	}
	if o.Capture <= 0 {
		o.Capture = defaultCapture
	}
	l.id, l.options, l.memory, l.share = id, o, o.Memory, o.Memory.of(o.Key)
}

// ID returns the id of the execution.
func (l *Log) ID() string { return l.id }

// Start tells that the program runs. Readers that subscribed before are told.
func (l *Log) Start() {
	l.mu.Lock()
	l.beginLocked()
	l.unlockAndTell(true)
}

func (l *Log) beginLocked() {
	if l.state == Queued {
		l.state, l.began = Running, true
	}
}

// Bind names who gets the window back. Output that came before is granted
// now.
func (l *Log) Bind(g Granter) {
	l.mu.Lock()
	if l.state != Completed {
		l.granter = g
	}
	l.unlockAndTell(false)
}

// Output takes what the program wrote; p is copied.
func (l *Log) Output(from runtimes.Stream, p []byte) {
	if len(p) == 0 {
		return
	}
	l.mu.Lock()
	if l.state == Completed {
		l.mu.Unlock()
		return // its session gave it up
	}
	l.beginLocked() // output may overtake the word that the program runs
	s := &l.streams[from-1]
	data := joined(s.partial, p)
	s.captured.write(data[len(s.partial):], l.captureLocked())
	l.owed += len(p)
	whole, rest := cutCharacter(data)
	s.partial = append(s.partial[:0], rest...)
	if len(whole) > 0 {
		l.appendLocked(from, whole)
	}
	if len(rest) > 0 {
		l.waitForCharacterLocked()
	}
	l.unlockAndTell(true)
}

// Display keeps what code has shown behind the output so far, and says there where
// that is.
func (l *Log) Display(d *Display) {
	l.mu.Lock()
	if l.state == Completed {
		l.mu.Unlock()
		return
	}
	l.beginLocked()
	l.flushPartialsLocked()
	d.Stdout, d.Stderr = l.streams[runtimes.Stdout-1].written, l.streams[runtimes.Stderr-1].written
	l.ring.push(Chunk{Display: d})
	l.unlockAndTell(true)
}

// joined is a copy of a and b.
func joined(a, b []byte) []byte {
	if len(a) == 0 {
		return append([]byte(nil), b...) // without clearing it first
	}
	return slices.Concat(a, b)
}

// captureLocked is how much of a stream may be kept for the result: no more
// than there is when the memory is full of what readers wait for.
func (l *Log) captureLocked() int {
	if l.tight() {
		return 0
	}
	return l.options.Capture
}

// Complete ends the log: nothing is written after it. outcome is handed to
// every reader behind the last chunk.
func (l *Log) Complete(outcome any) {
	l.mu.Lock()
	if l.state == Completed {
		l.mu.Unlock()
		return
	}
	l.flushPartialsLocked()
	for i := range l.streams {
		l.streams[i].captured.seal()
	}
	l.state, l.outcome, l.granter = Completed, outcome, nil
	l.unlockAndTell(true)
}

// Hold counts n bytes of the outcome, besides the captured output, as memory.
func (l *Log) Hold(n int) {
	l.mu.Lock()
	l.held = n
	l.unlockAndTell(false)
}

// Release tells that nobody can subscribe any more. What readers still need
// stays until they have it.
func (l *Log) Release() {
	l.release()
	if l.memory != nil {
		l.memory.move(l)
	}
}

func (l *Log) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released, l.held = true, 0
	for i := range l.streams {
		l.streams[i].captured.release()
	}
	l.trimLocked()
}

// Captured returns what was kept of a stream, and ends that: what the program
// writes later is of no result. The data must not be changed.
func (l *Log) Captured(of runtimes.Stream) Captured {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.streams[of-1].captured
	c.seal()
	return c.captured()
}

// Size returns how many bytes of memory the log holds.
func (l *Log) Size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring.weight() + l.resultWeightLocked()
}

// appendLocked makes chunks of data and keeps them.
func (l *Log) appendLocked(from runtimes.Stream, data []byte) {
	s := &l.streams[from-1]
	for len(data) > 0 {
		var chunk []byte
		chunk, data = nextChunk(data)
		l.ring.push(Chunk{Stream: from, Offset: s.written, Data: chunk, Binary: !validUTF8(chunk)})
		s.written += int64(len(chunk))
	}
}

// waitForCharacterLocked gives incomplete characters their time.
func (l *Log) waitForCharacterLocked() {
	if l.tail == nil {
		l.tail = time.AfterFunc(characterWait, l.giveUpOnCharacters)
		return
	}
	l.tail.Reset(characterWait)
}

func (l *Log) giveUpOnCharacters() {
	l.mu.Lock()
	l.flushPartialsLocked()
	l.unlockAndTell(true)
}

func (l *Log) flushPartialsLocked() {
	if l.tail != nil {
		l.tail.Stop()
	}
	for i := range l.streams {
		s := &l.streams[i]
		if len(s.partial) > 0 {
			l.appendLocked(runtimes.Stream(i+1), append([]byte(nil), s.partial...))
			s.partial = s.partial[:0]
		}
	}
}
