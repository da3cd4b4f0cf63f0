package docker

import (
	"errors"
	"math/rand/v2"
	"sync"
)

// errNoUser says that every user of the range is taken.
var errNoUser = errors.New("no free user id is left for another session")

// userRange gives each session of a remote engine a uid of its own. It starts
// anywhere in the range, so that two servers on one engine seldom give out the
// same; they are apart by their containers in any case.
type userRange struct {
	first, count int

	mu    sync.Mutex
	taken map[int]bool
	next  int
}

// Of an engine in a user namespace only the low 65536 ids are sure to be mapped.
// On any other they would be those of the host's own users.
func newUserRange(namespaced bool) *userRange {
	u := &userRange{first: 270_000, count: 1 << 20, taken: make(map[int]bool)}
	if namespaced {
		u.first, u.count = 20_000, 40_000
	}
	u.next = rand.IntN(u.count)
	return u
}

func (u *userRange) take() (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for range u.count {
		id := u.first + u.next
		u.next = (u.next + 1) % u.count
		if !u.taken[id] {
			u.taken[id] = true
			return id, nil
		}
	}
	return 0, errNoUser
}

func (u *userRange) give(id int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.taken, id)
}
