package actors

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/oklog/ulid/v2"

	"github.com/codebeaker/codebeaker/runtimes"
)

// The directory's messages. Replies go to channels of capacity 1: the
// directory never waits for a caller that left.
type (
	create struct {
		quiet
		request CreateRequest
		reply   chan<- created
	}
	created struct {
		session *Session
		err     error
	}
	// drain refuses creates; with empty set it ends every session and closes
	// the channel when none is left.
	drain struct {
		quiet
		empty chan struct{}
	}

	// From sessions: ready or failed once; ending when it takes no more
	// calls; freed when nothing of it is left.
	ready struct {
		quiet
		id string
	}
	failed struct {
		quiet
		id  string
		err error
	}
	ending struct {
		quiet
		id string
	}
	freed struct {
		quiet
		id string
	}
)

// directory admits sessions. It knows them, not their work. The value outlives
// a restart of its actor.
type directory struct {
	system   *System
	sessions map[string]*entry
	tokens   map[tokenKey]*entry
	promised int64 // of memory, to all of them
	creating int   // that are not ready yet
	draining bool
	empty    chan struct{} // closed when draining is done
}

// entry is one session of the directory.
type entry struct {
	session     *Session
	token       tokenKey
	fingerprint string
	promised    int64 // of memory
	waiters     []chan<- created
	quota       Quota // that has its share back at the end; nil without one
	share       Share
	ready       bool
	settled     bool // ready, or never will be
}

// tokenKey is a client token of one owner; the zero value is none.
type tokenKey struct{ owner, token string }

func newDirectory(s *System) *directory {
	return &directory{system: s, sessions: map[string]*entry{}, tokens: map[tokenKey]*entry{}}
}

// Receive handles one message.
func (d *directory) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *create:
		d.create(m)
	case *ready:
		if e := d.sessions[m.id]; e != nil {
			e.ready = true
			d.settle(e)
			e.answer(created{session: e.session})
		}
	case *failed:
		if e := d.sessions[m.id]; e != nil {
			d.forgetToken(e)
			d.settle(e)
			e.answer(created{err: m.err})
		}
	case *ending:
		if e := d.sessions[m.id]; e != nil {
			d.forgetToken(e)
		}
	case *freed:
		d.free(m.id)
	case *drain:
		d.drain(m.empty)
	}
}

func (d *directory) create(m *create) {
	r := &m.request
	key := tokenKey{r.Owner, r.ClientToken}
	if r.ClientToken == "" {
		key = tokenKey{}
	} else if e := d.tokens[key]; e != nil {
		d.again(e, m)
		return
	}
	runtime, err := d.admit(r)
	if err != nil {
		m.reply <- created{err: err}
		return
	}
	e := &entry{token: key, fingerprint: r.Fingerprint, promised: d.system.options.promised(r), waiters: []chan<- created{m.reply}}
	if r.Quota != nil {
		e.quota, e.share = r.Quota, shareOf(&r.Limits)
		if err := r.Quota.Take(e.share); err != nil {
			m.reply <- created{err: err}
			return
		}
	}
	id := d.system.options.Node + "." + newID()
	e.session = d.system.spawnSession(id, runtime, r)
	d.sessions[id] = e
	d.creating++
	d.promised += e.promised
	d.system.promised.Store(d.promised)
	d.system.register.add(e.session)
	if key != (tokenKey{}) {
		d.tokens[key] = e
	}
}

// again answers a create whose token has a session already.
func (d *directory) again(e *entry, m *create) {
	if e.fingerprint != m.request.Fingerprint {
		m.reply <- created{err: &ArgumentError{"clientToken", "was used with other parameters"}}
		return
	}
	if m.request.Sink != nil { // before whatever the caller sends once it is answered
		d.system.root.Send(e.session.pid, &join{sink: m.request.Sink})
	}
	if e.ready {
		m.reply <- created{session: e.session}
	} else {
		e.waiters = append(e.waiters, m.reply)
	}
}

// admit checks the limits and picks the runtime.
func (d *directory) admit(r *CreateRequest) (runtimes.Runtime, error) {
	if d.draining {
		return nil, ErrShuttingDown
	}
	if limit := d.system.options.MaxSessions; len(d.sessions) >= limit {
		return nil, &BusyError{Limit: "sessions", Maximum: int64(limit), RetryAfter: busyRetry}
	}
	if err := d.admitCreation(); err != nil {
		return nil, err
	}
	if err := d.admitMemory(r); err != nil {
		return nil, err
	}
	registry := d.system.options.Registry
	if r.Runtime != 0 {
		offer := registry.Offer(r.Runtime)
		switch {
		case offer.Runtime == nil:
			return nil, &UnavailableError{r.Runtime, "this server does not offer it: `runtime.list` says what it does"}
		case !offer.Availability.Available:
			return nil, &UnavailableError{r.Runtime, offer.Availability.Reason}
		case !offer.Availability.Serves(r.Language):
			return nil, &UnavailableError{r.Runtime, whyNot(&offer, r.Language)}
		}
		return offer.Runtime, nil
	}
	if runtime := registry.Select(r.Language, r.Preference); runtime != nil {
		return runtime, nil
	}
	return nil, &LanguageError{r.Language, registry.Served(), reasons(registry, r.Language)}
}

// settle notes that a session is not being made any more.
func (d *directory) settle(e *entry) {
	if !e.settled {
		e.settled = true
		d.creating--
	}
}

// maxCreateWait is how long a create may have to wait for its turn.
const maxCreateWait = 10 * time.Second

// admitCreation refuses a session whose environment would be begun too late, as far
// as can be told from those that were made.
func (d *directory) admitCreation() error {
	parallel, took := cap(d.system.creating), d.system.creations.median()
	wait := time.Duration(max(0, d.creating-parallel)) * took / time.Duration(parallel)
	if wait <= maxCreateWait {
		return nil
	}
	return &BusyError{
		Limit: "creations", Maximum: int64(parallel) + int64(maxCreateWait)*int64(parallel)/int64(took),
		RetryAfter: max(busyRetry, wait-maxCreateWait).Round(time.Millisecond),
		Message: fmt.Sprintf("%d sessions are being created, of which %d at a time, and each takes %v: this one would wait for %v",
			d.creating, parallel, took.Round(time.Millisecond), wait.Round(time.Second)),
	}
}

// OrdinaryMemoryBytes is the memory limit of a session that asks for none. Few
// sessions use theirs up, so that much of each is counted less: see promised.
const OrdinaryMemoryBytes = 512 << 20

// promised is what a session counts of the host's memory: its limit and, where it
// is in memory, the room of its workspace. Files are charged to the environment that
// they were written in: one that takes the place of a lost one has its whole limit
// beside them. As much as an ordinary session has of both is divided by the factor of
// overcommitment.
func (o *Options) promised(r *CreateRequest) int64 {
	all, ordinary := r.Limits.MemoryBytes, int64(OrdinaryMemoryBytes)
	if o.FilesInMemory {
		ordinary += OrdinaryMemoryBytes / 2
		if share := r.Limits.MemoryBytes / 2; r.Limits.DiskBytes <= share || !r.DiskAsked || o.LargeFilesInMemory {
			all += min(r.Limits.DiskBytes, share)
		}
	}
	ordinary = min(ordinary, all)
	return all - ordinary + int64(float64(ordinary)/o.MemoryOvercommit)
}

// admitMemory refuses a session for which the host has no memory left to promise.
func (d *directory) admitMemory(r *CreateRequest) error {
	o := &d.system.options
	wants := o.promised(r)
	if o.HostMemoryBytes == 0 {
		return nil
	}
	if over := d.promised + wants + d.system.poolMemory.Load() - o.HostMemoryBytes; over > 0 && d.system.pools != nil {
		d.system.root.Send(d.system.pools, &release{bytes: over}) // what is ready for nobody goes first
	}
	if d.promised == 0 || d.promised+wants <= o.HostMemoryBytes {
		return nil // alone it may have as much as one may ask for
	}
	return &BusyError{
		Limit: "memory", Maximum: o.HostMemoryBytes >> 20, RetryAfter: busyRetry,
		Message: fmt.Sprintf("the sessions that live have %d MB of the %d MB of memory that this server gives away, and this one would count %d: "+
			"close some, or ask for less memoryLimitMB; the operator may allow more (--host-memory-share, --memory-overcommit)",
			d.promised>>20, o.HostMemoryBytes>>20, wants>>20),
	}
}

// reasons says why none of the runtimes that could serve the language does.
func reasons(registry *runtimes.Registry, l runtimes.Language) string {
	var all []string
	for _, t := range l.Runtimes() {
		offer := registry.Offer(t)
		if offer.Runtime == nil {
			continue
		}
		all = append(all, t.String()+": "+whyNot(&offer, l))
	}
	return strings.Join(all, "; ")
}

// whyNot says why a runtime does not serve the language now.
func whyNot(offer *runtimes.Offer, l runtimes.Language) string {
	able := l.Runtimes()
	if slices.Contains(able, offer.Runtime.Type()) {
		return offer.Availability.WhyNot(l)
	}
	var names []string
	for _, t := range able {
		names = append(names, t.String())
	}
	return fmt.Sprintf("it never serves %s: name %s, or no runtime", l, strings.Join(names, " or "))
}

func (d *directory) forgetToken(e *entry) {
	if d.tokens[e.token] == e {
		delete(d.tokens, e.token)
	}
}

func (d *directory) free(id string) {
	e := d.sessions[id]
	if e == nil {
		return
	}
	d.forgetToken(e)
	d.settle(e)
	e.answer(created{err: ErrSessionClosed})
	delete(d.sessions, id)
	d.promised -= e.promised
	d.system.promised.Store(d.promised)
	if e.quota != nil {
		e.quota.Give(e.share)
	}
	d.checkEmpty()
}

func (d *directory) drain(empty chan struct{}) {
	d.draining = true
	if empty == nil {
		return
	}
	d.empty = empty
	for _, e := range d.sessions {
		d.system.root.Send(e.session.pid, &end{reason: EndedByShutdown})
	}
	d.checkEmpty()
}

func (d *directory) checkEmpty() {
	if d.empty != nil && len(d.sessions) == 0 {
		close(d.empty)
		d.empty = nil
	}
}

// answer answers everyone who waits for the creation.
func (e *entry) answer(c created) {
	for _, reply := range e.waiters {
		reply <- c
	}
	e.waiters = nil
}

// newID returns a ULID: unique, and sorted by the millisecond in which it was
// made. An id is no secret.
func newID() string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(time.Now())) // fails in the year 10889
	binary.BigEndian.PutUint16(id[6:], uint16(rand.Uint32()))
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	var text [ulid.EncodedSize]byte
	_ = id.MarshalTextTo(text[:]) // fails for a buffer of another size
	return string(text[:])
}
