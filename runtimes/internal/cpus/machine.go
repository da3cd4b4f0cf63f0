// Package cpus spreads environments over the processors of a machine.
//
// An environment that may use one and a half processors is given two of them:
// its programs run nowhere else, so that what they ask the kernel (nproc,
// GOMAXPROCS, availableParallelism) is what they get. Which two may change
// while they run: no processor is to idle while programs wait for another.
package cpus

import (
	"math"
	"slices"
	"sync"
	"time"
)

// Machine is the processors of one machine and who was given them. Its methods
// are safe for use by several goroutines.
type Machine struct {
	numbers []int // as the kernel counts them
	// times tells how long each processor has been busy; nil cannot.
	times func() map[int]times

	mu       sync.Mutex
	load     []float64 // by index of numbers: processors given away
	turn     int       // whose turn it is among equals
	shares   []*Share  // that run something, the one that was moved last at the end
	watching bool
	last     map[int]times
}

// New is a machine with the processors 0 to n-1, about which nothing else is
// known. Zero is an unknown number: nobody is given less than all.
func New(n int) *Machine {
	m := &Machine{load: make([]float64, n)}
	for i := range n {
		m.numbers = append(m.numbers, i)
	}
	return m
}

// Visible is how many processors programs see that may use so many: a whole
// number of them, and no more than there are. Zero is an unknown number.
func (m *Machine) Visible(limit float64) int {
	if limit <= 0 {
		return len(m.numbers)
	}
	return min(int(math.Ceil(limit)), len(m.numbers))
}

// Share makes the share of an environment that may use so many processors.
// give is called with the processors that its programs are to run on from now
// on, those that run included. It is called with the machine locked, so it must
// return at once and call nothing of this package. One that may use all
// processors is told nothing.
func (m *Machine) Share(limit float64, give func(numbers []int)) *Share {
	if m == nil {
		return nil
	}
	s := &Share{machine: m, give: give}
	s.set(limit)
	return s
}

func (s *Share) set(limit float64) {
	s.n = s.machine.Visible(limit)
	s.weight = limit / float64(max(s.n, 1))
}

// whole reports whether the environment may use all processors.
func (s *Share) whole() bool { return s.n == len(s.machine.numbers) }

// Resize changes how many processors the environment may use, those that run
// included.
func (s *Share) Resize(limit float64) {
	if s == nil {
		return
	}
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	wasWhole := s.whole()
	if s.running > 0 && !wasWhole {
		s.leaveLocked()
	}
	s.set(limit)
	switch {
	case s.whole() && !wasWhole:
		s.give(slices.Clone(m.numbers))
		s.at = nil
	case s.running > 0 && !s.whole():
		s.enterLocked()
	}
	m.levelLocked()
}

// Share is what one environment has of a machine while it runs programs.
type Share struct {
	machine *Machine
	n       int
	weight  float64 // load on each processor
	give    func([]int)

	running int   // guarded by machine.mu, like the rest
	at      []int // indices; the last ones given while nothing runs
}

// Begin tells that a program is about to start. What give is told is told
// before it returns.
func (s *Share) Begin() {
	if s == nil {
		return
	}
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.running++; s.running > 1 || s.whole() {
		return
	}
	s.enterLocked()
}

// enterLocked takes the processors that are given away least.
func (s *Share) enterLocked() {
	m := s.machine
	at := m.leastLocked(s)
	for _, i := range at {
		m.load[i] += s.weight
	}
	m.shares = append(m.shares, s)
	if !slices.Equal(at, s.at) {
		s.at = at
		s.tellLocked()
	}
	m.watchLocked()
}

// End tells that a program for which Begin was called has ended.
func (s *Share) End() {
	if s == nil {
		return
	}
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.running--; s.running > 0 || s.whole() {
		return
	}
	s.leaveLocked()
	m.levelLocked()
}

func (s *Share) leaveLocked() {
	m := s.machine
	for _, i := range s.at {
		m.load[i] -= s.weight
	}
	m.shares = slices.DeleteFunc(m.shares, func(other *Share) bool { return other == s })
}

func (s *Share) tellLocked() {
	numbers := make([]int, 0, len(s.at))
	for _, i := range s.at {
		numbers = append(numbers, s.machine.numbers[i])
	}
	s.give(numbers)
}

// leastLocked are the processors with the least load, in order; among equals
// those that the share had, then one after another.
func (m *Machine) leastLocked(s *Share) []int {
	order := make([]int, len(m.numbers))
	for i := range order {
		order[i] = (i + m.turn) % len(order)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case m.load[a] < m.load[b]-rounding:
			return -1
		case m.load[a] > m.load[b]+rounding:
			return 1
		case slices.Contains(s.at, a) == slices.Contains(s.at, b):
			return 0
		case slices.Contains(s.at, a):
			return -1
		}
		return 1
	})
	at := order[:s.n:s.n]
	m.turn = (at[len(at)-1] + 1) % len(order)
	slices.Sort(at)
	return at
}

// rounding is less than any load, and more than sums of them are wrong by.
const rounding = 1e-6

// levelLocked moves shares from the most to the least loaded processor as long
// as that lowers the highest load of the two.
func (m *Machine) levelLocked() {
	for range len(m.shares) {
		from, to := 0, 0
		for i, load := range m.load {
			if load > m.load[from] {
				from = i
			}
			if load < m.load[to] {
				to = i
			}
		}
		gap := m.load[from] - m.load[to]
		if !m.moveLocked(from, to, func(s *Share) bool { return s.weight < gap-rounding }) {
			return
		}
	}
}

// moveLocked moves the share that has stayed longest from one processor to
// another, of those that may, and reports whether there was one.
func (m *Machine) moveLocked(from, to int, may func(*Share) bool) bool {
	for i, s := range m.shares {
		place := slices.Index(s.at, from)
		if place < 0 || slices.Contains(s.at, to) || !may(s) {
			continue
		}
		m.load[from] -= s.weight
		m.load[to] += s.weight
		at := slices.Clone(s.at)
		at[place] = to
		slices.Sort(at)
		s.at = at
		s.tellLocked()
		m.shares = append(slices.Delete(m.shares, i, i+1), s)
		return true
	}
	return false
}

// watchEvery is how often the machine is looked at while programs of several
// environments share a processor.
const watchEvery = 200 * time.Millisecond

// What makes a processor one to leave, and one to go to, as a part of its time.
const (
	crowded = 0.9
	idle    = 0.5
)

// watchLocked begins to watch. Loads say what programs may use; one that waits
// uses nothing, and whoever shares a processor with one that does not wait would
// leave the other's idle.
func (m *Machine) watchLocked() {
	if m.times == nil || m.watching || !m.sharedLocked() {
		return
	}
	m.watching, m.last = true, nil
	time.AfterFunc(watchEvery, m.watch)
}

// sharedLocked tells whether a processor has been given to two.
func (m *Machine) sharedLocked() bool {
	given := make([]bool, len(m.numbers))
	for _, s := range m.shares {
		for _, i := range s.at {
			if given[i] {
				return true
			}
			given[i] = true
		}
	}
	return false
}

func (m *Machine) watch() {
	now := m.times()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last != nil {
		m.evenLocked(now)
	}
	m.last = now
	if m.watching = m.sharedLocked(); m.watching {
		time.AfterFunc(watchEvery, m.watch)
	}
}

// evenLocked moves one share from a processor that is busy, and shared, to one
// that idles. Which one of them makes it busy is not known: the next look finds
// out whether it was the right one.
func (m *Machine) evenLocked(now map[int]times) {
	from, to, most, least := -1, -1, crowded, 1-idle
	for i, number := range m.numbers {
		busy, known := now[number].since(m.last[number])
		if !known {
			continue
		}
		if busy >= most && m.sharersLocked(i) > 1 {
			from, most = i, busy
		}
		if busy <= least {
			to, least = i, busy
		}
	}
	if from >= 0 && to >= 0 {
		m.moveLocked(from, to, func(*Share) bool { return true })
	}
}

func (m *Machine) sharersLocked(i int) int {
	n := 0
	for _, s := range m.shares {
		if slices.Contains(s.at, i) {
			n++
		}
	}
	return n
}

// times is what a processor has done since the machine started, in any unit.
type times struct{ busy, all int64 }

// since is the part of the time since then that it was busy.
func (t times) since(then times) (busy float64, known bool) {
	if t.all <= then.all {
		return 0, false
	}
	return float64(t.busy-then.busy) / float64(t.all-then.all), true
}
