package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// inCells is inWorld with a session of Python, whose cells the fake's kernel runs.
func inCells(t *testing.T, test func(w *world, s *Session)) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		r := request()
		r.Language = runtimes.Python
		s, _, err := w.system.Create(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		test(w, s)
	})
}

func cellOf(code string) *Cell {
	return &Cell{Code: code, Language: runtimes.Python, Context: "default"}
}

// cell runs a cell to its end.
func (w *world) cell(s *Session, c *Cell) (*Outcome, *CellResult) {
	w.t.Helper()
	a := send(s, &Execute{Command: c, Type: "execute_code", Timeout: time.Minute})
	<-a.done
	if a.err != nil {
		w.t.Fatal(a.err)
	}
	o := a.result.(*Outcome)
	r, ok := o.Result.(*CellResult)
	if !ok {
		w.t.Fatalf("the result is %T of %+v", o.Result, o)
	}
	return o, r
}

func TestWhatACellComesTo(t *testing.T) {
	inCells(t, func(w *world, s *Session) {
		o, r := w.cell(s, cellOf("print a\ncomplain b\nshow text/html <b>\nprint c\nvalue 42"))
		if !o.Success || r.Exit.Status != runtimes.Completed || r.Result.Value != "42" || !r.Ran || r.Restarted || r.Result.Exception != nil {
			t.Errorf("%+v, %+v, %+v", o, r, r.Result)
		}
		if string(r.Stdout.Data) != "a\nc\n" || string(r.Stderr.Data) != "b\n" {
			t.Errorf("it wrote %q and %q", r.Stdout.Data, r.Stderr.Data)
		}
		if len(r.Displays) != 1 || string(r.Displays[0].Parts[0].Data) != "<b>" || r.Displays[0].Stdout != 2 || r.Displays[0].Stderr != 2 {
			t.Errorf("it showed %+v", r.Displays)
		}
		o, r = w.cell(s, cellOf("raise ValueError it is wrong"))
		if o.Success || o.ErrorCode != "Exception" || o.Error != "ValueError: it is wrong" || r.Exit.Code != nil || r.Restarted {
			t.Errorf("%+v, %+v", o, r)
		}
		o, r = w.cell(s, cellOf("exit 3"))
		if o.Success || o.ErrorCode != "NonZeroExit" || r.Exit.Code == nil || *r.Exit.Code != 3 || r.Restarted {
			t.Errorf("%+v, %+v", o, r)
		}
		if _, r = w.cell(s, cellOf("count")); r.Result.Value != "4" {
			t.Errorf("the fourth cell of a kernel is its %s.", r.Result.Value)
		}
	})
}

func TestADisplayHasItsPlaceAmongTheOutput(t *testing.T) {
	inCells(t, func(w *world, s *Session) {
		a := send(s, &Execute{Command: cellOf("print a\nshow text/plain x\nprint b"), Stream: true})
		<-a.done
		sub, _, err := a.log.Subscribe(0, func() {})
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		var came []string
		for item, ok := sub.Next(); ok; item, ok = sub.Next() {
			if item.Kind != output.ItemChunk {
				continue
			}
			if c := item.Chunk; c.Display != nil {
				came = append(came, fmt.Sprintf("%d show %s", c.Seq, c.Display.Parts[0].Data))
			} else {
				came = append(came, fmt.Sprintf("%d %s", c.Seq, c.Data))
			}
		}
		if got := strings.Join(came, "|"); got != "0 a\n|1 show x|2 b\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestCellsOfOneContextWaitForEachOther(t *testing.T) {
	inCells(t, func(w *world, s *Session) {
		first := send(s, &Execute{Command: cellOf("sleep 10s\ncount"), Background: true})
		<-first.done
		id := first.result.(*Started).ExecutionID
		second := send(s, &Execute{Command: cellOf("count")})
		behind := send(s, &Execute{Command: &runtimes.Command{Name: "true"}})
		other := cellOf("count")
		other.Context = "other"
		aside := send(s, &Execute{Command: other, Background: true})
		<-aside.done // it does not wait
		time.Sleep(time.Second)
		for _, a := range []*answer{second, behind} {
			select {
			case <-a.done:
				t.Errorf("a command that was to wait came to %+v", a.result)
			default:
			}
		}
		list := w.ask(s, &ListContexts{}).result.(*ContextList)
		if got := fmt.Sprint(list.Contexts); !strings.Contains(got, "default python Busy") || !strings.Contains(got, "other python Idle") {
			t.Errorf("contexts: %s", got)
		}
		waited := w.ask(s, &WaitExecution{Execution: id}).result.(*Waited)
		if r := waited.Outcome.Result.(*CellResult); r.Result.Value != "1" {
			t.Errorf("the first is number %s", r.Result.Value)
		}
		<-second.done
		<-behind.done
		if r := second.result.(*Outcome).Result.(*CellResult); r.Result.Value != "2" {
			t.Errorf("the second is number %s", r.Result.Value)
		}
	})
}

func TestATimeLimitInterruptsACell(t *testing.T) {
	inCells(t, func(w *world, s *Session) {
		a := send(s, &Execute{Command: cellOf("sleep 1h"), Timeout: time.Second})
		<-a.done
		o := a.result.(*Outcome)
		r := o.Result.(*CellResult)
		if o.ErrorCode != "TimeLimitExceeded" || r.Restarted || o.Duration > 1200*time.Millisecond {
			t.Errorf("%+v, %+v", o, r)
		}
		if _, r = w.cell(s, cellOf("count")); r.Result.Value != "2" || r.Restarted {
			t.Errorf("number %s, %+v", r.Result.Value, r)
		}
		a = send(s, &Execute{Command: cellOf("hang"), Timeout: time.Second})
		<-a.done
		o = a.result.(*Outcome)
		r = o.Result.(*CellResult)
		if o.ErrorCode != "TimeLimitExceeded" || !r.Restarted || o.Duration > 1500*time.Millisecond {
			t.Errorf("%+v, %+v", o, r)
		}
		if _, r = w.cell(s, cellOf("count")); r.Result.Value != "1" {
			t.Errorf("number %s in a new kernel", r.Result.Value)
		}
	})
}

func TestAKernelThatDiesIsToldAndAnotherComes(t *testing.T) {
	inCells(t, func(w *world, s *Session) {
		o, r := w.cell(s, cellOf("print before\ndie"))
		if o.Success || o.ErrorCode == "EnvironmentLost" || !r.Restarted || string(r.Stdout.Data) != "before\n" {
			t.Errorf("%+v, %+v", o, r)
		}
		if _, r = w.cell(s, cellOf("count")); r.Result.Value != "1" {
			t.Errorf("number %s in a new kernel", r.Result.Value)
		}
		again := cellOf("count")
		again.Reset = true
		if _, r = w.cell(s, again); r.Result.Value != "1" || r.Restarted {
			t.Errorf("after a reset that was asked for: %s, %+v", r.Result.Value, r)
		}
	})
}

func TestALostEnvironmentTakesItsKernelsAlong(t *testing.T) {
	inCells(t, func(w *world, s *Session) {
		w.cell(s, cellOf("count"))
		for _, e := range w.fake.Environments() {
			e.Kill()
		}
		synctest.Wait()
		_, r := w.cell(s, cellOf("count"))
		if r.Result.Value != "1" || !r.Restarted {
			t.Errorf("number %s, %+v: nobody was told that the variables are gone", r.Result.Value, r)
		}
	})
}

func TestContextsAreRestartedRemovedAndBounded(t *testing.T) {
	inCells(t, func(w *world, s *Session) {
		running := send(s, &Execute{Command: cellOf("sleep 1h"), Background: true})
		<-running.done
		if a := w.ask(s, &EndContext{Context: "default"}); a.err != nil {
			t.Error(a.err)
		}
		waited := w.ask(s, &WaitExecution{Execution: running.result.(*Started).ExecutionID}).result.(*Waited)
		if waited.Outcome.ErrorCode != "Cancelled" {
			t.Errorf("%+v", waited.Outcome)
		}
		if _, r := w.cell(s, cellOf("count")); r.Result.Value != "1" {
			t.Errorf("number %s after a restart", r.Result.Value)
		}
		if a := w.ask(s, &EndContext{Context: "none"}); !errors.As(a.err, new(*ArgumentError)) {
			t.Errorf("a context that is none: %v", a.err)
		}
		for i := range MaxContexts - 1 {
			c := cellOf("count")
			c.Context = fmt.Sprint("c", i)
			w.cell(s, c)
		}
		// Names are counted when they come, not when their turn does.
		slow := send(s, &Execute{Command: shell("sleep", "1s").Command})
		extra := cellOf("count")
		extra.Context = "extra"
		var busy *BusyError
		if a := w.ask(s, &Execute{Command: extra}); !errors.As(a.err, &busy) || busy.Limit != "contexts" {
			t.Errorf("the ninth: %v", a.err)
		}
		if a := w.ask(s, &EndContext{Context: "c3", Remove: true}); a.err != nil {
			t.Error(a.err)
		}
		another := cellOf("count")
		another.Context = "c3"
		queued := send(s, &Execute{Command: another})
		if a := w.ask(s, &Execute{Command: extra}); !errors.As(a.err, &busy) {
			t.Errorf("the ninth, behind one that waits: %v", a.err)
		}
		<-slow.done
		<-queued.done
		w.ask(s, &EndContext{Context: "c3", Remove: true})
		w.cell(s, extra)
		if list := w.ask(s, &ListContexts{}).result.(*ContextList); len(list.Contexts) != MaxContexts || list.Contexts[MaxContexts-1].Name != "extra" {
			t.Errorf("%+v", list.Contexts)
		}
	})
}

func TestInputOfACell(t *testing.T) {
	inCells(t, func(w *world, s *Session) {
		c := cellOf("read\nread")
		c.OpenStdin = true
		a := send(s, &Execute{Command: c, Background: true})
		<-a.done
		id := a.result.(*Started).ExecutionID
		if in := w.ask(s, &Input{Execution: id, Data: []byte("hello"), EOF: true}); in.err != nil || in.result.(*Accepted).Bytes != 5 {
			t.Errorf("%+v", in)
		}
		r := w.ask(s, &WaitExecution{Execution: id}).result.(*Waited).Outcome.Result.(*CellResult)
		if string(r.Stdout.Data) != "input:hello\neof:\n" {
			t.Errorf("%q", r.Stdout.Data)
		}
	})
}

func TestACellThatWaitsForItsKernelHasALimitAndLosesNothing(t *testing.T) {
	never := func(r *fake.Run) int {
		<-r.Killed()
		return 1
	}
	inWorld(t, Options{}, fake.Options{Programs: map[string]fake.Program{"python3": never}}, func(w *world) {
		r := request()
		r.Language = runtimes.Python
		s, _, err := w.system.Create(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, timeout := range []time.Duration{0, time.Hour} {
			a := send(s, &Execute{Command: cellOf("count"), Timeout: timeout})
			<-a.done
			o := a.result.(*Outcome)
			if o.ErrorCode != "TimeLimitExceeded" || !strings.Contains(o.Error, "still starting") || o.Duration < kernelStart || o.Duration > kernelStart+time.Second {
				t.Errorf("with a limit of %v: %+v", timeout, o)
			}
			if o.Result.(*CellResult).Restarted {
				t.Error("it is told that variables are lost where there were none")
			}
		}
	})
}
