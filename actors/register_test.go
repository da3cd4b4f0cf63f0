package actors

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func registered(r *register, owner, id string, labels map[string]string) *Session {
	s := &Session{id: id, owner: owner}
	s.base.Store(&Info{SessionID: id, Labels: labels})
	r.add(s)
	return s
}

func TestPagesAreInTheOrderOfIdsWhateverComesAndGoes(t *testing.T) {
	r := newRegister()
	for _, id := range []string{"n1.03", "n1.01", "n1.05", "n1.02", "n1.04"} {
		registered(r, "a", id, map[string]string{"odd": fmt.Sprint((id[4]-'0')%2 == 1)})
	}
	registered(r, "b", "n1.06", nil)
	gone, _ := r.find("a", "n1.04")
	r.remove(gone)
	r.remove(gone)
	early := &Session{id: "n1.07", owner: "a"} // one that ended before it was added
	r.remove(early)
	r.add(early)
	if _, err := r.find("a", "n1.07"); !errors.Is(err, ErrSessionClosed) {
		t.Errorf("one that ended at once: %v", err)
	}
	pages := func(request ListRequest) (all [][]string) {
		for request.Owner = "a"; ; {
			page, next := r.page(request)
			var ids []string
			for _, s := range page {
				ids = append(ids, s.id)
			}
			if all = append(all, ids); next == "" {
				return all
			}
			request.After = next
		}
	}
	for what, c := range map[string]struct {
		request ListRequest
		want    string
	}{
		"all":             {ListRequest{Limit: 10}, "[[n1.01 n1.02 n1.03 n1.05]]"},
		"by two":          {ListRequest{Limit: 2}, "[[n1.01 n1.02] [n1.03 n1.05]]"},
		"by three":        {ListRequest{Limit: 3}, "[[n1.01 n1.02 n1.03] [n1.05]]"},
		"labelled":        {ListRequest{Limit: 2, Labels: map[string]string{"odd": "true"}}, "[[n1.01 n1.03] [n1.05]]"},
		"behind one gone": {ListRequest{Limit: 9, After: "n1.04"}, "[[n1.05]]"},
		"behind the last": {ListRequest{Limit: 9, After: "n1.05"}, "[[]]"},
	} {
		if got := fmt.Sprint(pages(c.request)); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	for _, id := range []string{"n1.01", "n1.02", "n1.03", "n1.05"} {
		s, _ := r.find("a", id)
		r.remove(s)
	}
	if page, next := r.page(ListRequest{Owner: "a", Limit: 1}); len(page) > 0 || next != "" || len(r.owners) != 2 { // the other's, and Everybody's
		t.Errorf("when all are gone: %v, %q, %d owners", page, next, len(r.owners))
	}
}

func TestSessionsThatEndedAreRememberedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegister()
		for i := range maxEnded + 1 {
			r.remove(registered(r, "a", fmt.Sprintf("n1.%06d", i), nil))
		}
		last := fmt.Sprintf("n1.%06d", maxEnded)
		for id, want := range map[string]error{"n1.000000": ErrSessionNotFound, "n1.000001": ErrSessionClosed, last: ErrSessionClosed} {
			if _, err := r.find("a", id); !errors.Is(err, want) {
				t.Errorf("%s: %v", id, err)
			}
		}
		if _, err := r.find("b", last); !errors.Is(err, ErrSessionNotFound) {
			t.Errorf("another's: %v", err)
		}
		time.Sleep(rememberEnded + time.Second)
		if _, err := r.find("a", last); !errors.Is(err, ErrSessionNotFound) {
			t.Errorf("later: %v", err)
		}
	})
}

func TestTheRegisterIsSafeForUseByMany(t *testing.T) {
	r := newRegister()
	var all sync.WaitGroup
	for owner := range 4 {
		all.Go(func() {
			name := fmt.Sprint(owner)
			for i := range 200 {
				s := registered(r, name, fmt.Sprintf("n1.%d-%03d", owner, i), nil)
				if found, err := r.find(name, s.id); found != s {
					t.Error(err)
				}
				if page, _ := r.page(ListRequest{Owner: name, Limit: 1000}); !slices.Contains(page, s) {
					t.Errorf("%s is not listed", s.id)
				}
				if i%2 == 0 {
					r.remove(s)
				}
			}
		})
	}
	all.Wait()
	if len(r.byID) != 400 {
		t.Errorf("%d are left", len(r.byID))
	}
}

// A page costs what it holds, however many sessions there are.
func BenchmarkPage(b *testing.B) {
	for _, sessions := range []int{10, 100, 10_000} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			r := newRegister()
			for i := range sessions {
				registered(r, "", fmt.Sprintf("n1.%06d", i), nil)
			}
			for b.Loop() {
				r.page(ListRequest{Limit: 100})
			}
		})
	}
}
