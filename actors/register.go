package actors

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// register is where sessions are looked up and listed, beside the directory
// actor, which admits them: nobody waits for a create, and no create for a list.
// Its methods are safe for use by several goroutines.
type register struct {
	mu     sync.RWMutex
	byID   map[string]*Session
	owners map[string][]*Session // oldest first; those of Everybody are all
	ended  []endedSession        // oldest first
}

// endedSession is remembered for a while, so that a late call is told
// SessionClosed instead of SessionNotFound.
type endedSession struct {
	owner, id string
	at        time.Time
}

// How long and how many of the sessions that ended are remembered.
const (
	rememberEnded = time.Minute
	maxEnded      = 4096
)

func newRegister() *register {
	return &register{byID: map[string]*Session{}, owners: map[string][]*Session{}}
}

func (r *register) add(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.removed {
		return
	}
	r.byID[s.id] = s
	for _, owner := range []string{s.owner, Everybody} {
		all := r.owners[owner]
		at := after(all, s.id) // the end, unless the clock was set back
		r.owners[owner] = slices.Insert(all, at, s)
	}
}

// remove forgets a session of which nothing is left. One that failed at once may
// not have been added yet, and never is.
func (r *register) remove(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.removed {
		return
	}
	s.removed = true
	if r.byID[s.id] != nil {
		delete(r.byID, s.id)
		for _, owner := range []string{s.owner, Everybody} {
			all := r.owners[owner]
			at := after(all, s.id) - 1
			if all = slices.Delete(all, at, at+1); len(all) == 0 {
				delete(r.owners, owner)
			} else {
				r.owners[owner] = all
			}
		}
	}
	now := time.Now()
	old := 0
	for old < len(r.ended) && (now.Sub(r.ended[old].at) > rememberEnded || len(r.ended)-old >= maxEnded) {
		old++
	}
	r.ended = append(r.ended[old:], endedSession{s.owner, s.id, now})
}

// after is where the sessions that were made after that id begin: ids sort by
// creation.
func after(all []*Session, id string) int {
	at, found := slices.BinarySearchFunc(all, id, func(s *Session, id string) int { return cmp.Compare(s.id, id) })
	if found {
		at++
	}
	return at
}

// find returns the owner's session, or for Everybody anybody's.
// Errors: ErrSessionNotFound, ErrSessionClosed.
func (r *register) find(owner, id string) (*Session, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if s := r.byID[id]; s != nil && (owner == s.owner || owner == Everybody) {
		return s, nil
	}
	now := time.Now()
	for i := len(r.ended) - 1; i >= 0 && now.Sub(r.ended[i].at) <= rememberEnded; i-- {
		if e := &r.ended[i]; e.id == id && (owner == e.owner || owner == Everybody) {
			return nil, ErrSessionClosed
		}
	}
	return nil, ErrSessionNotFound
}

// page returns the sessions that the request asks for, and the id after which
// the next page begins, "" behind the last.
func (r *register) page(request ListRequest) (page []*Session, next string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := r.owners[request.Owner]
	for _, s := range all[after(all, request.After):] {
		if !hasLabels(s.base.Load().Labels, request.Labels) {
			continue
		}
		if len(page) == request.Limit {
			return page, page[len(page)-1].id
		}
		page = append(page, s)
	}
	return page, ""
}

func hasLabels(have, want map[string]string) bool {
	for name, value := range want {
		if got, ok := have[name]; !ok || got != value {
			return false
		}
	}
	return true
}
