package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// Task is work that is repeated. Its functions are called one at a time.
type Task struct {
	// Name is for the progress.
	Name string
	// Series are those that it gives samples to, at least one.
	Series []*result.Series
	// Count is how often it is to be repeated, Warmup how often before.
	Count, Warmup int
	// Open prepares it, once; nil is nothing.
	Open func(ctx context.Context) error
	// Once is one repetition. It times its operations with the Clock; an error
	// of its own preparations counts for the first series.
	Once func(ctx context.Context, c *Clock) error
	// Close ends what Open made, once, also when that failed; nil is nothing.
	Close func(ctx context.Context) error
}

// WrongOutput is the error of an operation that did something else than it
// should have.
type WrongOutput struct{ Got, Want string }

// Error shows both, shortened.
func (e *WrongOutput) Error() string {
	return fmt.Sprintf("wrong output: got %s, want %s", short(e.Got), short(e.Want))
}

func short(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q and %d bytes more", s[:most], len(s)-most)
	}
	return fmt.Sprintf("%q", s)
}

// errTold marks errors that a series has counted.
type errTold struct{ error }

func (e errTold) Unwrap() error { return e.error }

// Clock times the operations of one repetition.
type Clock struct {
	began  time.Time // of the run
	warmup bool
	first  bool // of its round
	failed func(*result.Series, error)
}

// Time runs an operation and gives what it took to the series, or counts its
// failure and returns its error. Checks look at what it did where its answer
// does not tell: in the first repetition of each round and of the warm-up, and
// nobody is charged for their time. When one fails the operation has.
func (c *Clock) Time(s *result.Series, operation func() error, checks ...func() error) error {
	start := time.Now()
	err := operation()
	took := time.Since(start)
	for _, check := range checks {
		if err == nil && c.first {
			err = check()
		}
	}
	if err != nil {
		c.failed(s, err)
		return errTold{err}
	}
	c.Give(s, took, 1)
	return nil
}

// Give gives a time to the series that was taken otherwise, of so many
// operations together.
func (c *Clock) Give(s *result.Series, took time.Duration, operations int) {
	if !c.warmup {
		s.Add(float64(took.Nanoseconds())/float64(operations), float64(time.Since(c.began).Microseconds())/1000)
	}
}

// count tells a series of an error that none has counted.
func (c *Clock) count(s *result.Series, err error) {
	if told := (errTold{}); err != nil && !errors.As(err, &told) {
		c.failed(s, err)
	}
}
