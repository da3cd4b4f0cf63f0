package runtimes

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// Registry knows the runtimes of this server, what each offers now, and which
// is chosen for a language. Reading it takes no lock and allocates nothing but
// what is returned; it is safe for use by several goroutines.
type Registry struct {
	runtimes map[Type]Runtime
	order    []Type

	mu    sync.Mutex // held while a new table is made
	log   *slog.Logger
	told  map[Type]string // the last news of each runtime that was logged
	table atomic.Pointer[table]
}

// Offer is what the registry knows of one runtime.
type Offer struct {
	Runtime      Runtime
	Availability Availability
	Figures      Figures
	// Measured: Figures were measured on this host; otherwise declared.
	Measured bool
}

// table is one state of the registry; it never changes.
type table struct {
	entries  []Offer                 // by Type
	measured []*Figures              // by Type
	choice   [][preferenceCount]Type // by Language
}

// offer is that of a type, the zero value for one that was added later.
func (t *table) offer(kind Type) Offer {
	if int(kind) < len(t.entries) {
		return t.entries[kind]
	}
	return Offer{}
}

// notProbed is the reason before the first probe has ended.
const notProbed = "the server is still finding out whether it works here: try again in a few seconds"

// NewRegistry makes a registry of the runtimes, at most one of each type.
// Until Probe has run none is available.
func NewRegistry(runtimes ...Runtime) *Registry {
	r := &Registry{runtimes: make(map[Type]Runtime), told: make(map[Type]string)}
	for _, rt := range runtimes {
		r.runtimes[rt.Type()] = rt
	}
	types := Types()
	first := &table{entries: make([]Offer, len(types)+1), measured: make([]*Figures, len(types)+1)}
	for _, t := range types {
		if rt := r.runtimes[t]; rt != nil {
			r.order = append(r.order, t)
			first.entries[t] = Offer{Runtime: rt, Availability: Availability{Reason: notProbed}}
		}
	}
	first.compute()
	r.table.Store(first)
	return r
}

// Select returns the runtime for the language, nil when none here serves it.
func (r *Registry) Select(l Language, p Preference) Runtime {
	t := r.table.Load()
	if int(l) >= len(t.choice) { // added later
		return nil
	}
	return t.entries[t.choice[l][p]].Runtime
}

// Offer returns what is known of a type; its Runtime is nil when this server
// has none of that type.
func (r *Registry) Offer(t Type) Offer { return r.table.Load().offer(t) }

// Offers returns all of them in the order of Type.
func (r *Registry) Offers() []Offer {
	now := r.table.Load()
	offers := make([]Offer, 0, len(r.order))
	for _, t := range r.order {
		offers = append(offers, now.entries[t])
	}
	return offers
}

// Served returns the languages that some runtime serves now.
func (r *Registry) Served() []Language {
	var served []Language
	now := r.table.Load()
	for _, l := range Languages()[:len(now.choice)-1] {
		if now.choice[l][Balanced] != 0 {
			served = append(served, l)
		}
	}
	return served
}

// Probe asks every runtime what it offers now, all at once.
func (r *Registry) Probe(ctx context.Context) {
	var wg sync.WaitGroup
	for _, t := range r.order {
		wg.Go(func() { r.probe(ctx, t) })
	}
	wg.Wait()
}

func (r *Registry) probe(ctx context.Context, t Type) {
	found := r.runtimes[t].Probe(ctx)
	if ctx.Err() != nil { // cut short: it says nothing
		r.tellCut(t, ctx.Err())
		return
	}
	r.change(func(next *table) { next.entries[t].Availability = found })
	r.tell(t, &found)
}

// SetMeasured tells what was measured on this host. Measured figures are used
// once every available runtime but Embedded has them.
func (r *Registry) SetMeasured(measured map[Type]Figures) {
	r.change(func(next *table) {
		for t, figures := range measured {
			next.measured[t] = &figures
		}
	})
}

// change makes the next table.
func (r *Registry) change(edit func(*table)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.table.Load()
	next := &table{entries: slices.Clone(before.entries), measured: slices.Clone(before.measured)}
	edit(next)
	next.compute()
	r.table.Store(next)
}

// compute computes what follows from the availabilities and the measures.
func (t *table) compute() {
	all := true
	for kind := range Type(len(t.entries)) {
		if e := &t.entries[kind]; e.Availability.Available && kind != Embedded && t.measured[kind] == nil {
			all = false
		}
	}
	for kind := range Type(len(t.entries)) {
		e := &t.entries[kind]
		e.Measured = all && t.measured[kind] != nil
		if e.Measured {
			e.Figures = *t.measured[kind]
		} else {
			e.Figures = DeclaredFigures(kind)
		}
	}
	languages := Languages()
	t.choice = make([][preferenceCount]Type, len(languages)+1)
	for _, l := range languages {
		candidates := t.candidates(l)
		for p := range preferenceCount {
			if i := Select(candidates, Preference(p)); i >= 0 {
				t.choice[l][p] = candidates[i].Type
			}
		}
	}
}

func (t *table) candidates(l Language) []Candidate {
	var found []Candidate
	for _, kind := range l.Runtimes() {
		e := t.offer(kind)
		if e.Runtime != nil && e.Availability.Serves(l) {
			found = append(found, Candidate{kind, e.Figures, e.Availability.Isolation.Score, e.Availability.Strongest.Score})
		}
	}
	return found
}
