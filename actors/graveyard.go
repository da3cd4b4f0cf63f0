package actors

import "time"

// A session that ended is remembered for this long, so that a late call is
// told SessionClosed instead of SessionNotFound.
const (
	mourning   = time.Minute
	graveCount = 4096
)

// graveyard remembers the sessions that ended a moment ago, oldest first.
type graveyard struct{ graves []grave }

type grave struct {
	owner, id string
	at        time.Time
}

func (y *graveyard) add(owner, id string, now time.Time) {
	old := 0
	for old < len(y.graves) && (now.Sub(y.graves[old].at) > mourning || len(y.graves)-old >= graveCount) {
		old++
	}
	y.graves = append(y.graves[old:], grave{owner, id, now})
}

func (y *graveyard) has(owner, id string, now time.Time) bool {
	for i := len(y.graves) - 1; i >= 0; i-- {
		g := &y.graves[i]
		if now.Sub(g.at) > mourning {
			return false
		}
		if g.id == id {
			return g.owner == owner
		}
	}
	return false
}
