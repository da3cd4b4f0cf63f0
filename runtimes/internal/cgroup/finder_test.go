package cgroup

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestASystemdThatWasNotThereIsAskedAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := NewFinder(slog.New(slog.NewTextHandler(&log, nil)))
		looks := 0
		f.detect = func() (*Hierarchy, error) {
			if looks++; looks < 3 {
				return nil, fmt.Errorf("%w: %w at x", ErrUnavailable, errNoSystemd)
			}
			return &Hierarchy{}, nil
		}
		for _, c := range []struct {
			after time.Duration
			looks int
			found bool
		}{{0, 1, false}, {time.Second, 1, false}, {time.Minute, 2, false}, {59 * time.Second, 2, false}, {time.Second, 3, true}, {time.Hour, 3, true}} {
			time.Sleep(c.after)
			if h := f.Hierarchy(); h != nil != c.found || looks != c.looks {
				t.Errorf("%v later: %v after %d looks", c.after, h, looks)
			}
		}
		if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.Contains(log.String(), `reason="no systemd answers at x"`) {
			t.Errorf("the log is\n%s", &log)
		}
	})
}

func TestWhatCannotChangeIsLookedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFinder(slog.New(slog.DiscardHandler))
		looks := 0
		f.detect = func() (*Hierarchy, error) {
			looks++
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, errors.New("no hierarchy is mounted"))
		}
		for range 3 {
			if use, missing := f.Report(); use != "none" || missing != "no hierarchy is mounted" {
				t.Errorf("%q, %q", use, missing)
			}
			time.Sleep(time.Hour)
		}
		if looks != 1 {
			t.Errorf("%d looks", looks)
		}
	})
}

func TestWithoutAFinderThereAreNone(t *testing.T) {
	var f *Finder
	if h := f.Hierarchy(); h != nil {
		t.Errorf("%v", h)
	}
	if use, missing := f.Report(); use != "none" || missing == "" {
		t.Errorf("%q, %q", use, missing)
	}
}
