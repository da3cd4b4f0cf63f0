package measure

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// silent is a Progress that nobody sees.
type silent struct{}

func (silent) Begin(string, int) {}
func (silent) Step(string)       {}
func (silent) End()              {}

// task notes in order that it ran, and does what once says.
func task(name string, count, warmup int, order *[]string, once func(n int) error) *Task {
	s, n := &result.Series{Scenario: name, Subject: "it"}, 0
	return &Task{Name: name, Series: []*result.Series{s}, Count: count, Warmup: warmup,
		Once: func(_ context.Context, c *Clock) error {
			*order = append(*order, name)
			n++
			return c.Time(s, func() error { return once(n) })
		}}
}

func good(int) error { return nil }

func runAll(t *testing.T, r *Runner) (Outcome, error) {
	t.Helper()
	r.Progress = silent{}
	return r.Run(t.Context())
}

func TestTasksAreInterleavedByTheSeed(t *testing.T) {
	orderOf := func(seed uint64) (order []string) {
		r := &Runner{Rounds: 10, Seed: seed}
		for _, name := range []string{"a", "b", "c"} {
			r.Tasks = append(r.Tasks, task(name, 20, 0, &order, good))
		}
		if _, err := runAll(t, r); err != nil {
			t.Fatal(err)
		}
		return order
	}
	first := orderOf(1)
	if !slices.Equal(first, orderOf(1)) {
		t.Error("the same seed gave another order")
	}
	if slices.Equal(first, orderOf(2)) {
		t.Error("another seed gave the same order")
	}
	for round := range 10 { // each has its part of every round
		part := first[round*6 : round*6+6]
		for _, name := range []string{"a", "b", "c"} {
			if n := strings.Count(strings.Join(part, ""), name); n != 2 {
				t.Errorf("round %d: %d of %s in %v", round, n, name, part)
			}
		}
	}
}

func TestTheWarmUpIsDiscarded(t *testing.T) {
	var order []string
	a := task("a", 7, 3, &order, good)
	if _, err := runAll(t, &Runner{Tasks: []*Task{a}, Rounds: 3}); err != nil {
		t.Fatal(err)
	}
	if s := a.Series[0]; len(order) != 10 || len(s.Samples) != 7 || len(s.At) != 7 || s.Warmup != 3 || s.Wanted != 7 {
		t.Errorf("%d runs, %+v", len(order), s)
	}
}

func TestWhatAnOperationDidIsCheckedOnceInEachRound(t *testing.T) {
	s, checks := &result.Series{}, 0
	a := &Task{Series: []*result.Series{s}, Count: 9, Warmup: 2, Once: func(_ context.Context, c *Clock) error {
		return c.Time(s, func() error { return nil }, func() error {
			if checks++; checks == 3 {
				return &WrongOutput{Got: "1", Want: "2"}
			}
			return nil
		})
	}}
	if _, err := runAll(t, &Runner{Tasks: []*Task{a}, Rounds: 3}); err != nil {
		t.Fatal(err)
	}
	if checks != 4 || len(s.Samples) != 8 || s.FailureCount() != 1 || !s.Failures[0].WrongOutput {
		t.Errorf("%d checks, %+v", checks, s)
	}
}

func TestFailuresAreCountedAndGiveNoSample(t *testing.T) {
	var order []string
	a := task("a", 10, 0, &order, func(n int) error {
		switch n {
		case 2:
			return errors.New("broken")
		case 4:
			return &WrongOutput{Got: "1", Want: "2"}
		}
		return nil
	})
	if _, err := runAll(t, &Runner{Tasks: []*Task{a}}); err != nil {
		t.Fatal(err)
	}
	s := a.Series[0]
	want := []result.Failure{{Message: "broken", Count: 1}, {Message: `wrong output: got "1", want "2"`, Count: 1, WrongOutput: true}}
	if len(s.Samples) != 8 || !slices.Equal(s.Failures, want) || s.GivenUp != "" {
		t.Errorf("%+v", s)
	}
}

func TestATaskThatKeepsFailingIsGivenUpAndTheOthersGoOn(t *testing.T) {
	var order []string
	bad := task("bad", 50, 0, &order, func(int) error { return errors.New("broken") })
	fine := task("fine", 50, 0, &order, good)
	closed := 0
	bad.Close = func(context.Context) error { closed++; return nil }
	if _, err := runAll(t, &Runner{Tasks: []*Task{bad, fine}}); err != nil {
		t.Fatal(err)
	}
	if s := bad.Series[0]; s.FailureCount() != giveUp || s.GivenUp == "" || closed != 1 {
		t.Errorf("%+v, closed %d times", s, closed)
	}
	if n := len(fine.Series[0].Samples); n != 50 {
		t.Errorf("the other has %d samples", n)
	}
}

func TestATaskThatCannotBePreparedIsCountedOnce(t *testing.T) {
	var order []string
	a, b := task("a", 5, 1, &order, good), task("b", 5, 1, &order, good)
	a.Open = func(context.Context) error { return errors.New("no session") }
	if _, err := runAll(t, &Runner{Tasks: []*Task{a, b}}); err != nil {
		t.Fatal(err)
	}
	if s := a.Series[0]; s.FailureCount() != 1 || !strings.Contains(s.GivenUp, "no session") || slices.Contains(order, "a") {
		t.Errorf("%+v, order %v", s, order)
	}
}

func TestAFatalErrorEndsTheRunAndKeepsWhatWasMeasured(t *testing.T) {
	gone := errors.New("gone")
	var order []string
	a := task("a", 10, 0, &order, func(n int) error {
		if n > 4 {
			return gone
		}
		return nil
	})
	late := task("late", 1, 0, &order, good) // its turn is in the last round
	_, err := runAll(t, &Runner{Tasks: []*Task{a, late}, Rounds: 10, Fatal: func(err error) bool { return errors.Is(err, gone) }})
	if s := a.Series[0]; !errors.Is(err, gone) || len(s.Samples) != 4 || s.FailureCount() != 1 {
		t.Errorf("%v, %+v", err, s)
	}
	if late.Series[0].GivenUp == "" {
		t.Error("the one that had no turn does not say so")
	}
}

func TestARunThatIsInterruptedHasNoFailures(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	s := &result.Series{}
	a := &Task{Series: []*result.Series{s}, Count: 5, Once: func(ctx context.Context, c *Clock) error {
		return c.Time(s, func() error { cancel(why); return context.Cause(ctx) })
	}}
	_, err := (&Runner{Tasks: []*Task{a}, Progress: silent{}}).Run(ctx)
	if !errors.Is(err, why) || s.FailureCount() != 0 {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestTheBudgetEndsTheRunWithItsPartOfEach(t *testing.T) {
	var order []string
	slow := func(int) error { time.Sleep(2 * time.Millisecond); return nil }
	a, b := task("a", 100, 0, &order, slow), task("b", 100, 0, &order, slow)
	outcome, err := runAll(t, &Runner{Tasks: []*Task{a, b}, Rounds: 100, Budget: 60 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	x, y := len(a.Series[0].Samples), len(b.Series[0].Samples)
	if outcome.Rounds >= 100 || x == 0 || x-y > 1 || y-x > 1 {
		t.Errorf("%+v, %d and %d samples", outcome, x, y)
	}
}

func TestAnErrorOfThePreparationsCountsForTheFirstSeries(t *testing.T) {
	first, second := &result.Series{}, &result.Series{}
	a := &Task{Series: []*result.Series{first, second}, Count: 1, Once: func(_ context.Context, c *Clock) error {
		if err := c.Time(second, func() error { return nil }); err != nil {
			return err
		}
		return errors.New("not timed")
	}}
	if _, err := runAll(t, &Runner{Tasks: []*Task{a}}); err != nil {
		t.Fatal(err)
	}
	if first.FailureCount() != 1 || second.FailureCount() != 0 || len(second.Samples) != 1 {
		t.Errorf("%+v, %+v", first, second)
	}
}

func TestALongWrongOutputIsShortened(t *testing.T) {
	err := &WrongOutput{Got: strings.Repeat("x", 1<<20), Want: "y"}
	if text := err.Error(); len(text) > 200 || !strings.Contains(text, "bytes more") {
		t.Errorf("%d bytes: %.100s", len(text), text)
	}
}
