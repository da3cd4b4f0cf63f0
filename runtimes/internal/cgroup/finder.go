package cgroup

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// retryAfter is how soon a Finder asks again for a systemd that was not there.
const retryAfter = time.Minute

// Finder detects the control groups of a server once, when it is first asked,
// and logs what it found. While only a systemd to ask is missing it looks again
// now and then, for one may be started any time. A nil Finder finds none. It is
// safe for use by several goroutines.
type Finder struct {
	log    *slog.Logger
	detect func() (*Hierarchy, error)

	mu    sync.Mutex
	found *Hierarchy
	err   error // nil with found nil: not looked yet
	last  time.Time
}

// NewFinder returns a Finder that has not looked yet.
func NewFinder(log *slog.Logger) *Finder { return &Finder{log: log, detect: Detect} }

// Found returns a Finder that knows. It is for tests.
func Found(h *Hierarchy) *Finder {
	return &Finder{found: h, err: ErrUnavailable}
}

// Hierarchy is where to make control groups; nil is nowhere.
func (f *Finder) Hierarchy() *Hierarchy {
	h, _ := f.look()
	return h
}

func (f *Finder) look() (*Hierarchy, error) {
	if f == nil {
		return nil, ErrUnavailable
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.found != nil || f.err != nil && !(errors.Is(f.err, errNoSystemd) && time.Since(f.last) >= retryAfter) {
		return f.found, f.err
	}
	again := f.err != nil
	f.found, f.err = f.detect()
	f.last = time.Now()
	switch {
	case f.found != nil && f.found.Missing() != "":
		f.log.Info("control groups", "use", f.found.String(), "missing", f.found.Missing())
	case f.found != nil:
		f.log.Info("control groups", "use", f.found.String())
	case !again:
		f.log.Info("no control groups", "reason", reason(f.err))
	}
	return f.found, f.err
}

// Report says in words for the operator which control groups are used, "none"
// where there are none, and what is missing and how to get it; "" is nothing.
func (f *Finder) Report() (use, missing string) {
	h, err := f.look()
	if h == nil {
		return "none", reason(err)
	}
	return h.String(), h.Missing()
}

// reason is why there are none, without saying that there are none.
func reason(err error) string {
	return strings.TrimPrefix(err.Error(), ErrUnavailable.Error()+": ")
}

var (
	// ErrUnavailable: this process cannot make control groups here. The error
	// that wraps it says why, for the operator.
	ErrUnavailable = errors.New("control groups are not available")
	// errNoSystemd: nobody listens where systemd would.
	errNoSystemd = errors.New("no systemd answers")
	// ErrNotEmpty: processes of a group did not end in time.
	ErrNotEmpty = errors.New("the control group still has processes")
)
