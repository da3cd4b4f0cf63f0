package sessions

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/codebeaker/codebeaker/actors"
)

// Limits bound what one key, or one address without keys, does and has. Zero
// members do not; in those of a key of its own zero means what the server says
// for all, and a negative one does not bound.
type Limits struct {
	Calls    float64 `json:"calls,omitempty"`    // a second; members of a batch and notifications each
	Creates  float64 `json:"creates,omitempty"`  // of sessions, a second
	Bytes    float64 `json:"bytes,omitempty"`    // of messages to the server, a second
	Sessions float64 `json:"sessions,omitempty"` // that live at once
	MemoryMB float64 `json:"memoryMB,omitempty"` // of all of them together, as are the next two
	CPUs     float64 `json:"cpus,omitempty"`     // processors
	DiskMB   float64 `json:"diskMB,omitempty"`   // room for files
}

// members are the limits in one order.
func (l *Limits) members() []*float64 {
	return []*float64{&l.Calls, &l.Creates, &l.Bytes, &l.Sessions, &l.MemoryMB, &l.CPUs, &l.DiskMB}
}

// Over returns the limits of a key that says l, where all says what holds for
// those that say nothing.
func (l Limits) Over(all Limits) Limits {
	theirs := all.members()
	for i, v := range l.members() {
		switch {
		case *v == 0:
			*v = *theirs[i]
		case *v < 0:
			*v = 0
		}
	}
	return l
}

// RateError says that a client sends more than its rate allows.
type RateError struct {
	Limit      string // "calls", "creates" or "bytes"
	Maximum    float64
	RetryAfter time.Duration
}

// Error names the rate.
func (e *RateError) Error() string {
	return fmt.Sprintf("over the rate of %v %s a second", e.Maximum, e.Limit)
}

// The bursts: what may come at once after some quiet.
const (
	minCallBurst = 10
	// refusalBurst and minRefusals are how many calls over the rate are answered
	// at once, and at least a second; over that the answer waits.
	refusalBurst = 100
	minRefusals  = 10
)

// accounts are the accounts of a server, by name.
type accounts struct {
	limits Limits // of who says nothing else
	burst  int    // bytes of a message

	mu    sync.Mutex
	all   map[string]*Account
	swept time.Time
}

// keepAccount is how long an account that nobody uses is remembered: until then
// who connects again goes on with the same buckets.
const keepAccount = time.Minute

// open finds an account or makes one, with limits of its own. The caller closes
// it.
func (a *accounts) open(name string, own Limits) *Account {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.swept) > keepAccount {
		a.swept = now
		for name, one := range a.all {
			if one.idle(now) {
				delete(a.all, name)
			}
		}
	}
	one := a.all[name]
	if one == nil {
		one = &Account{all: a, refusals: rate.NewLimiter(minRefusals, refusalBurst)}
		if a.all == nil {
			a.all = map[string]*Account{}
		}
		a.all[name] = one
	}
	one.users++
	one.used = now
	one.limit(now, own.Over(a.limits), a.burst)
	return one
}

// Account is what one key, or one address without keys, uses of the server. Its
// methods are safe for concurrent use; those of the nil Account bound nothing.
type Account struct {
	all *accounts

	// Guarded by all.mu.
	users int // connections
	used  time.Time

	calls, creates, bytes bucket
	refusals              *rate.Limiter // answers to calls over the rate
	served                meter

	mu                     sync.Mutex
	limits                 Limits
	sessions               int64
	memoryMB, cpus, diskMB float64
}

// bucket is a limiter that may be none.
type bucket struct{ of atomic.Pointer[rate.Limiter] }

// set makes it one of so many a second, with room for a burst; zero is none.
func (b *bucket) set(now time.Time, perSecond float64, burst int) {
	l := b.of.Load()
	switch {
	case perSecond == 0:
		if l != nil {
			b.of.Store(nil)
		}
	case l == nil:
		b.of.Store(rate.NewLimiter(rate.Limit(perSecond), burst))
	case float64(l.Limit()) != perSecond || l.Burst() != burst:
		l.SetLimitAt(now, rate.Limit(perSecond))
		l.SetBurstAt(now, burst)
	}
}

// take takes n, or says after how long it may be tried again.
func (b *bucket) take(now time.Time, limit string, n int) *RateError {
	l := b.of.Load()
	if l == nil || l.AllowN(now, n) {
		return nil
	}
	e := &RateError{Limit: limit, Maximum: float64(l.Limit()), RetryAfter: time.Second}
	if r := l.ReserveN(now, n); r.OK() {
		e.RetryAfter = r.DelayFrom(now)
		r.CancelAt(now)
	}
	return e
}

// full reports whether nothing of it is used up.
func (b *bucket) full(now time.Time) bool {
	l := b.of.Load()
	return l == nil || l.TokensAt(now) >= float64(l.Burst())
}

// limit sets the limits.
func (a *Account) limit(now time.Time, l Limits, message int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.limits == l {
		return
	}
	a.limits = l
	a.calls.set(now, l.Calls, max(int(math.Ceil(2*l.Calls)), minCallBurst))
	a.creates.set(now, l.Creates, max(int(math.Ceil(l.Creates)), 1))
	a.bytes.set(now, l.Bytes, max(int(math.Ceil(l.Bytes)), message))
	a.refusals.SetLimitAt(now, rate.Limit(max(l.Calls, minRefusals)))
}

// idle reports whether the account may be forgotten. all.mu is held.
func (a *Account) idle(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.users == 0 && a.sessions == 0 && now.Sub(a.used) > keepAccount &&
		a.calls.full(now) && a.creates.full(now) && a.bytes.full(now)
}

// close ends one use of the account.
func (a *Account) close() {
	if a == nil {
		return
	}
	a.all.mu.Lock()
	defer a.all.mu.Unlock()
	a.users--
	a.used = time.Now()
}

// Message takes the bytes of a message that came, or says that they are over the
// rate.
func (a *Account) Message(now time.Time, bytes int) *RateError {
	if a == nil {
		return nil
	}
	return a.bytes.take(now, "bytes", bytes)
}

// Call takes a call, or what was none, or says that it is over the rate.
func (a *Account) Call(now time.Time) *RateError {
	if a == nil {
		return nil
	}
	a.served.count(now.Unix())
	return a.calls.take(now, "calls", 1)
}

// Refusal says how long the answer to a call over the rate has to wait: without
// it a client that sends on is refused as fast as it sends.
func (a *Account) Refusal(now time.Time) time.Duration {
	r := a.refusals.ReserveN(now, 1)
	return r.DelayFrom(now)
}

// quota is the account as the quota of its sessions.
type quota Account

// Take is actors.Quota's.
// Errors: *BusyError; *FieldError for what will never have room.
func (q *quota) Take(s actors.Share) error {
	a := (*Account)(q)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range []struct {
		limit            string
		field            Field
		have, more, most float64
	}{
		{"keySessions", FieldLanguage, float64(a.sessions), 1, a.limits.Sessions},
		{"keyMemoryMB", FieldMemory, a.memoryMB, float64(s.MemoryMB), a.limits.MemoryMB},
		{"keyCPUs", FieldCPUs, a.cpus, float64(s.CPUs), a.limits.CPUs},
		{"keyDiskMB", FieldDisk, a.diskMB, float64(s.DiskMB), a.limits.DiskMB},
	} {
		const rounding = 1e-6
		switch {
		case one.most == 0 || one.have+one.more <= one.most+rounding:
		case one.more > one.most+rounding:
			return fieldError(one.field, "is %v, above the %v that this key may have of all its sessions (%s)", one.more, one.most, one.limit)
		default:
			return &BusyError{Limit: one.limit, Maximum: int64(math.Ceil(one.most)), RetryAfter: quotaRetry}
		}
	}
	a.add(1, s)
	return nil
}

// Give is actors.Quota's.
func (q *quota) Give(s actors.Share) {
	a := (*Account)(q)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add(-1, s)
}

// quotaRetry is what a client is told to wait whose quota is used up: until it
// has closed a session itself.
const quotaRetry = time.Second

// add adds a share, or takes it away. mu is held.
func (a *Account) add(n int64, s actors.Share) {
	a.sessions += n
	a.memoryMB += float64(n) * float64(s.MemoryMB)
	a.cpus += float64(n) * float64(s.CPUs)
	a.diskMB += float64(n) * float64(s.DiskMB)
	if a.sessions == 0 { // no rest of fractions
		a.memoryMB, a.cpus, a.diskMB = 0, 0, 0
	}
}

// Usage is what a key, or an address, uses now and what it may.
type Usage struct {
	Sessions               int64
	MemoryMB, CPUs, DiskMB float64
	CallsPerSecond         float64 // in the last seconds
	Limits                 Limits  // zero: none
}

// usage is the account's.
func (a *Account) usage(now time.Time) Usage {
	if a == nil {
		return Usage{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return Usage{
		Sessions: a.sessions, MemoryMB: a.memoryMB, CPUs: math.Round(a.cpus*1e6) / 1e6, DiskMB: a.diskMB,
		CallsPerSecond: a.served.perSecond(now), Limits: a.limits,
	}
}

// meter counts by seconds. What comes as the second changes may count for the one
// before.
type meter struct{ second, now, before atomic.Int64 }

func (m *meter) count(second int64) {
	if last := m.second.Load(); last != second && m.second.CompareAndSwap(last, second) {
		n := m.now.Swap(0)
		if last != second-1 {
			n = 0
		}
		m.before.Store(n)
	}
	m.now.Add(1)
}

// perSecond is the rate over this second and the one before.
func (m *meter) perSecond(now time.Time) float64 {
	part := float64(now.Nanosecond()) / 1e9
	switch now.Unix() - m.second.Load() {
	case 0:
		return math.Round(float64(m.before.Load())*(1-part) + float64(m.now.Load()))
	case 1:
		return math.Round(float64(m.now.Load()) * (1 - part))
	}
	return 0
}
