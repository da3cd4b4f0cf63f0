package actors

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

func TestASessionIsActiveThenIdleThenActiveWhileACommandRuns(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, events := w.create(), &sink{}
		w.ask(s, &Attach{events})
		w.run(s, "true")
		synctest.Wait()
		if got := w.state(s); got != Idle {
			t.Errorf("after the first command: %v", got)
		}
		a := send(s, shell("sleep", "1s"))
		synctest.Wait()
		if got := w.state(s); got != Active {
			t.Errorf("while a command runs: %v", got)
		}
		<-a.done
		w.wantEvents(events, "Idle/command", "Active/command", "Idle/command")
	})
}

func TestCommandsRunOneAtATimeInTheOrderOfArrival(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		var answers []*answer
		start := time.Now()
		for i := range 5 {
			answers = append(answers, send(s, shell("sleep", []string{"5s", "4s", "3s", "2s", "1s"}[i])))
		}
		var order []time.Duration
		for _, a := range answers {
			<-a.done
			order = append(order, time.Since(start))
		}
		if want := []time.Duration{5, 9, 12, 14, 15}; !slices.Equal(order, scale(want, time.Second)) {
			t.Errorf("answered at %v", order)
		}
	})
}

func scale(n []time.Duration, unit time.Duration) []time.Duration {
	for i := range n {
		n[i] *= unit
	}
	return n
}

func TestControlCallsOvertakeAndBackgroundCommandsStartAtOnce(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, start := w.create(), time.Now()
		first := send(s, shell("sleep", "10s"))
		send(s, shell("sleep", "10s"))
		b := w.ask(s, background("sleep", "1s"))
		list := w.ask(s, &ListExecutions{}).result.(*ExecutionList)
		if time.Since(start) != 0 {
			t.Errorf("control calls took %v", time.Since(start))
		}
		if _, ok := b.result.(*Started); !ok {
			t.Errorf("background answered %#v, %v", b.result, b.err)
		}
		var states []string
		for _, e := range list.Executions {
			states = append(states, e.State.String())
		}
		if !slices.Equal(states, []string{"Running", "Queued", "Running"}) {
			t.Errorf("states %v", states)
		}
		<-first.done
	})
}

func TestTheQueueHasALimit(t *testing.T) {
	inWorld(t, Options{QueueLength: 2}, fake.Options{}, func(w *world) {
		s := w.create()
		running := send(s, shell("sleep", "1s"))
		send(s, shell("true"))
		last := send(s, shell("true"))
		over := w.ask(s, shell("true"))
		var busy *BusyError
		if !errors.As(over.err, &busy) || busy.Limit != "queue" || busy.Maximum != 2 {
			t.Errorf("over the limit: %v", over.err)
		}
		<-running.done
		<-last.done
	})
}

func TestATimeLimitStopsAStubbornProgram(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, start := w.create(), time.Now()
		e := shell("stubborn")
		e.Timeout = time.Second
		o := w.ask(s, e).result.(*Outcome)
		if took := time.Since(start); o.ErrorCode != "TimeLimitExceeded" || took > 1500*time.Millisecond {
			t.Errorf("%s after %v: %s", o.ErrorCode, took, o.Error)
		}
		if code := o.Result.(*ProcessResult).Exit.Code; code != nil {
			t.Errorf("exit code %d is invented", *code)
		}
		if !strings.Contains(o.Error, "1s") {
			t.Errorf("the sentence does not name the limit: %s", o.Error)
		}
	})
}

func TestTheTimeLimitStartsWithTheProcessNotInTheQueue(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		send(s, shell("sleep", "5s"))
		e := shell("sleep", "900ms")
		e.Timeout = time.Second
		if o := w.ask(s, e).result.(*Outcome); !o.Success {
			t.Errorf("%s: %s", o.ErrorCode, o.Error)
		}
	})
}

func TestAStreamingCallerIsGivenTheLogBeforeTheProgramStarts(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		send(s, shell("sleep", "1s"))
		e := shell("print", "hello")
		e.Stream = true
		a := send(s, e)
		synctest.Wait()
		if a.log == nil || a.log.Snapshot().State != output.Queued {
			t.Fatal("no log while queued")
		}
		reader, _, _ := a.log.Subscribe(output.Oldest, func() {})
		<-a.done
		var kinds []output.Kind
		for item, ok := reader.Next(); ok; item, ok = reader.Next() {
			kinds = append(kinds, item.Kind)
			if item.Kind == output.ItemCompleted && item.Outcome != a.result {
				t.Error("completed carries another outcome than the reply")
			}
		}
		if !slices.Equal(kinds, []output.Kind{output.ItemStarted, output.ItemChunk, output.ItemCompleted}) {
			t.Errorf("items %v", kinds)
		}
	})
}

func TestInputSignalsAndWaiting(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		cat := background("cat")
		cat.Command.(*runtimes.Command).OpenStdin = true
		id := w.ask(s, cat).result.(*Started).ExecutionID
		if a := w.ask(s, &WaitExecution{Execution: id, Timeout: time.Second}).result.(*Waited); a.Outcome != nil || a.State != output.Running {
			t.Errorf("waited: %+v", a)
		}
		if n := w.ask(s, &Input{Execution: id, Data: []byte("abc"), EOF: true}).result.(*Accepted).Bytes; n != 3 {
			t.Errorf("accepted %d", n)
		}
		a := w.ask(s, &WaitExecution{Execution: id}).result.(*Waited)
		if a.Outcome == nil || stdout(a.Outcome) != "abc" {
			t.Errorf("waited: %+v", a)
		}
		var argument *ArgumentError
		if err := w.ask(s, &Input{Execution: id, Data: []byte("x")}).err; !errors.As(err, &argument) {
			t.Errorf("input after the exit: %v", err)
		}
		if d := w.ask(s, &SendSignal{id, runtimes.SIGTERM}).result.(*Delivered); d.Delivered {
			t.Error("a signal reached a program that had ended")
		}
		if err := w.ask(s, &SendSignal{"unknown", runtimes.SIGTERM}).err; !errors.Is(err, ErrExecutionNotFound) {
			t.Errorf("unknown execution: %v", err)
		}
	})
}

func TestInputThatComesBeforeTheProgramIsKeptForIt(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		send(s, shell("sleep", "1s"))
		cat := shell("cat")
		cat.Command.(*runtimes.Command).OpenStdin = true
		queued := send(s, cat)
		id := w.ask(s, &ListExecutions{}).result.(*ExecutionList).Executions[1].ID
		if n := w.ask(s, &Input{Execution: id, Data: []byte("early")}).result.(*Accepted).Bytes; n != 5 {
			t.Errorf("accepted %d", n)
		}
		w.ask(s, &Input{Execution: id, EOF: true})
		var argument *ArgumentError
		if err := w.ask(s, &Input{Execution: id, Data: []byte("late")}).err; !errors.As(err, &argument) {
			t.Errorf("input after the end of input: %v", err)
		}
		<-queued.done
		if o := queued.result.(*Outcome); stdout(o) != "early" {
			t.Errorf("%+v", o)
		}
		none := send(s, shell("sleep", "1s"))
		synctest.Wait()
		list := w.ask(s, &ListExecutions{}).result.(*ExecutionList).Executions
		if err := w.ask(s, &Input{Execution: list[len(list)-1].ID, Data: []byte("x")}).err; !errors.As(err, &argument) {
			t.Errorf("input of a program without: %v", err)
		}
		<-none.done
	})
}

func TestAnOutputLimitMarksWhatItKeptBack(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		e := shell("print", "12345")
		e.Command.(*runtimes.Command).Limits.OutputBytes = 4
		r := w.ask(s, e).result.(*Outcome).Result.(*ProcessResult)
		if string(r.Stdout.Data) != "1234" || !r.Stdout.Truncated || r.Stderr.Truncated {
			t.Errorf("%+v", r)
		}
	})
}

func TestASignalCancelsAQueuedCommand(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		first, second := send(s, shell("sleep", "1s")), send(s, shell("print", "never"))
		list := w.ask(s, &ListExecutions{}).result.(*ExecutionList)
		w.ask(s, &SendSignal{list.Executions[1].ID, runtimes.SIGTERM})
		<-second.done
		o := second.result.(*Outcome)
		if o.ErrorCode != "Cancelled" || stdout(o) != "" {
			t.Errorf("%+v", o)
		}
		<-first.done
	})
}

func TestCompletedExecutionsAreKeptForTenMinutes(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		id := w.run(s, "print", "x").ExecutionID
		time.Sleep(9 * time.Minute)
		if a := w.ask(s, &OpenExecution{id}); a.err != nil {
			t.Errorf("after nine minutes: %v", a.err)
		}
		time.Sleep(2 * time.Minute)
		if a := w.ask(s, &OpenExecution{id}); !errors.Is(a.err, ErrExecutionNotFound) {
			t.Errorf("after eleven minutes: %v", a.err)
		}
	})
}

func TestTheOutputKeptOfASessionIsBounded(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		const each = 2 << 20 // kept of each: 1 MiB in the ring, 1 MiB of each stream
		first := w.run(s, "spill", strconv.Itoa(each)).ExecutionID
		for range keepBytes / (3 << 20) {
			w.run(s, "spill", strconv.Itoa(each))
		}
		if a := w.ask(s, &OpenExecution{first}); !errors.Is(a.err, ErrExecutionNotFound) {
			t.Errorf("the oldest is still kept: %v", a.err)
		}
		if n := len(w.ask(s, &ListExecutions{}).result.(*ExecutionList).Executions); n < 5 {
			t.Errorf("only %d are kept", n)
		}
	})
}

func TestKillOnDisconnectEndsOnlyWhatThatConnectionStarted(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, mine, other := w.create(), &sink{}, &sink{}
		start := func(from *sink, kill bool) string {
			e := background("sleep", "10m")
			e.Sink, e.KillOnDisconnect = from, kill
			return w.ask(s, e).result.(*Started).ExecutionID
		}
		doomed, kept, others := start(mine, true), start(mine, false), start(other, true)
		w.ask(s, &Disconnected{mine})
		if o := w.ask(s, &WaitExecution{Execution: doomed, Timeout: time.Second}).result.(*Waited); o.Outcome == nil || o.Outcome.ErrorCode != "Cancelled" {
			t.Errorf("doomed: %+v", o)
		}
		for _, id := range []string{kept, others} {
			if o := w.ask(s, &WaitExecution{Execution: id, Timeout: time.Second}).result.(*Waited); o.Outcome != nil {
				t.Errorf("ended too: %+v", o.Outcome)
			}
		}
	})
}

func TestFileCommandsRunOnTheWorkspace(t *testing.T) {
	// Real files, so no bubble: a goroutine in a system call is not idle.
	f := fake.New(fake.Options{Dir: t.TempDir()})
	registry := runtimes.NewRegistry(f)
	registry.Probe(t.Context())
	w := &world{t: t, fake: f, system: NewSystem(Options{Registry: registry})}
	s := w.create()
	o := w.ask(s, &Execute{Type: "write_file", Command: &runtimes.WriteFile{Path: "a/b", Content: []byte("x")}}).result.(*Outcome)
	if !o.Success || o.Result.(*FileWritten).Bytes != 1 || o.ExecutionID == "" {
		t.Errorf("write: %+v", o)
	}
	o = w.ask(s, &Execute{Type: "read_file", Command: &runtimes.ReadFile{Path: "a/b"}}).result.(*Outcome)
	if !o.Success || string(o.Result.(*FileRead).Content) != "x" {
		t.Errorf("read: %+v", o)
	}
	o = w.ask(s, &Execute{Type: "read_file", Command: &runtimes.ReadFile{Path: "../x"}}).result.(*Outcome)
	if o.Success || o.ErrorCode != "PathOutsideWorkspace" || o.Result != nil {
		t.Errorf("outside: %+v", o)
	}
	if err := w.system.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Its end may wait in the mailbox behind the input, which was answered as if the
// program could still read it.
func TestInputToAProgramThatHasJustEndedIsRefused(t *testing.T) {
	p := &program{command: &runtimes.Command{Name: "cat", OpenStdin: true}, ended: true}
	p.task, p.state = p, output.Running
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := &session{handle: w.create()}
		result, err := s.input(&p.execution, &Input{Data: []byte("x")})
		var argument *ArgumentError
		if !errors.As(err, &argument) || argument.Member != "executionId" {
			t.Errorf("%v, %v", result, err)
		}
	})
}
