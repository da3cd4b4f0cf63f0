package actors

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// snapshot is the log of an execution as it is now.
func (w *world) snapshot(s *Session, id string) output.Snapshot {
	w.t.Helper()
	a := w.ask(s, &OpenExecution{id})
	if a.err != nil {
		w.t.Fatal(a.err)
	}
	return a.result.(*output.Log).Snapshot()
}

func TestTheMemoryOfAllSessionsGoesFromTheOldestThatIsDone(t *testing.T) {
	inWorld(t, Options{OutputMemoryBytes: 10 << 20}, fake.Options{}, func(w *world) {
		const each = 1 << 20 // three of them are kept of each: ring and two results
		spill := func(s *Session) string { return w.run(s, "spill", strconv.Itoa(each)).ExecutionID }
		a, b := w.create(), w.create()
		first, second := spill(a), spill(b)
		spill(a)
		if got := w.snapshot(a, first); got.FirstSeq == got.NextSeq || got.Dropped != w.snapshot(b, second).Dropped {
			t.Errorf("there was room: %+v", got)
		}
		spill(b)
		got := w.snapshot(a, first)
		if got.FirstSeq != got.NextSeq || got.Dropped[0] != each || got.Dropped[1] != each {
			t.Errorf("the oldest: %+v", got)
		}
		if o := w.ask(a, &WaitExecution{Execution: first}).result.(*Waited).Outcome; len(stdout(o)) != each {
			t.Errorf("the result lost its output: %d bytes are left", len(stdout(o)))
		}
		for range 4 {
			spill(a)
		}
		if x := w.ask(a, &OpenExecution{first}); !errors.Is(x.err, ErrExecutionNotFound) {
			t.Errorf("the oldest is still kept: %v, %+v", x.err, w.system.OutputMemory())
		}
		if u := w.system.OutputMemory(); u.Kept > 10<<20 || u.Dropped == 0 || u.Forgotten == 0 {
			t.Errorf("%+v", u)
		}
		w.ask(a, &Close{})
		w.ask(b, &Close{})
		if u := w.system.OutputMemory(); u.Kept != 0 {
			t.Errorf("%d bytes are kept of sessions that are closed", u.Kept)
		}
	})
}

func TestWhatIsKeptNoLongerCountsNoLonger(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		w.run(s, "print", "some output")
		if u := w.system.OutputMemory(); u.Kept == 0 {
			t.Error("nothing is counted")
		}
		time.Sleep(keepFor + time.Minute)
		if u := w.system.OutputMemory(); u.Kept != 0 {
			t.Errorf("%d bytes", u.Kept)
		}
	})
}
