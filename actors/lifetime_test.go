package actors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

func (w *world) ended(s *Session) bool {
	synctest.Wait()
	_, err := w.system.Lookup("", s.ID())
	return err != nil
}

func TestASessionEndsWhenItIsIdleForTooLong(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, events := w.create(), &sink{}
		w.ask(s, &Attach{events})
		time.Sleep(29*time.Minute + 30*time.Second)
		w.ask(s, &GetInfo{}) // is no activity
		if w.ended(s) {
			t.Fatal("ended too early")
		}
		time.Sleep(31 * time.Second)
		if !w.ended(s) {
			t.Fatal("still there")
		}
		w.wantEvents(events, "expiring/idleTimeout", "Closing/closing", "closed/idleTimeout")
		if in := events.events[0].In; in != time.Minute {
			t.Errorf("announced %v ahead", in)
		}
		if err := w.ask(s, &GetInfo{}).err; !errors.Is(err, ErrSessionClosed) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestASessionIsNotIdleWhileACommandRunsEvenInTheBackground(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		w.ask(s, background("sleep", "90m"))
		time.Sleep(89 * time.Minute)
		if w.ended(s) {
			t.Fatal("ended while a command ran")
		}
		time.Sleep(30 * time.Minute)
		if w.ended(s) {
			t.Fatal("the idle time does not count from the end of the command")
		}
		time.Sleep(2 * time.Minute) // past the lifetime of two hours, too
		if !w.ended(s) {
			t.Error("still there")
		}
	})
}

func TestTheLifetimeEndsASessionWithWhateverRuns(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, events := w.create(), &sink{}
		w.ask(s, &Attach{events})
		e := shell("sleep", "10h")
		e.Timeout = 0
		a := send(s, e)
		<-a.done
		if o := a.result.(*Outcome); o.ErrorCode != "Cancelled" {
			t.Errorf("outcome %+v", o)
		}
		w.wantEvents(events, "expiring/maxLifetime", "Closing/closing", "closed/maxLifetime")
	})
}

func TestASessionThatBelongsToItsConnectionsEndsAfterThem(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		r := request()
		r.KillOnDisconnect = true
		s, _, err := w.system.Create(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		first, second := &sink{}, &sink{}
		w.ask(s, &Attach{first})
		w.ask(s, background("sleep", "10h"))
		time.Sleep(25 * time.Minute)
		w.ask(s, &Attach{second})
		w.ask(s, &Disconnected{first})
		time.Sleep(25 * time.Minute)
		w.ask(s, &Disconnected{second})
		time.Sleep(29 * time.Second)
		w.ask(s, &Attach{first}) // it came back
		time.Sleep(25 * time.Minute)
		if w.ended(s) {
			t.Fatal("ended while a connection was attached")
		}
		w.ask(s, &Detach{first})
		time.Sleep(29 * time.Second)
		if w.ended(s) {
			t.Fatal("ended before the grace")
		}
		time.Sleep(2 * time.Second)
		if !w.ended(s) {
			t.Error("still there, although its program had nobody left to live for")
		}
	})
}

func TestASessionWhoseCreatorIsGoneEndsAfterTheGrace(t *testing.T) {
	inWorld(t, Options{DisconnectGrace: time.Second}, fake.Options{}, func(w *world) {
		for _, kill := range []bool{true, false} {
			r := request()
			r.KillOnDisconnect = kill
			s, _, err := w.system.Create(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			if ended := w.ended(s); ended != kill {
				t.Errorf("KillOnDisconnect %v: ended %v", kill, ended)
			}
		}
	})
}

func TestReadingAnExecutionIsActivity(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		id := w.run(s, "true").ExecutionID
		time.Sleep(9 * time.Minute)
		w.ask(s, &Extend{IdleTimeout: 5 * time.Minute})
		time.Sleep(30 * time.Second)
		w.ask(s, &OpenExecution{id})
		time.Sleep(4*time.Minute + 45*time.Second)
		if w.ended(s) {
			t.Error("ended though an execution was attached to")
		}
	})
}

func TestExtendingReplacesTheTimes(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		info := w.ask(s, &Extend{IdleTimeout: time.Hour}).result.(*Info)
		if info.IdleTimeout != time.Hour || info.MaxLifetime != 2*time.Hour {
			t.Errorf("%+v", info)
		}
		time.Sleep(59 * time.Minute)
		if w.ended(s) {
			t.Error("ended at the old time")
		}
		w.ask(s, &Extend{MaxLifetime: time.Hour})
		time.Sleep(2 * time.Minute)
		if !w.ended(s) {
			t.Error("the lifetime does not count from the creation")
		}
	})
}

func TestClosingAnswersEverybodyAndLeavesNothing(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, events := w.create(), &sink{}
		w.ask(s, &Attach{events})
		running, queued := send(s, shell("stubborn")), send(s, shell("true"))
		synctest.Wait()
		waiting := send(s, &WaitExecution{Execution: "x"})
		first, second := send(s, &Close{}), send(s, &Close{})
		late := send(s, shell("true"))
		for _, a := range []*answer{running, queued, waiting, first, second, late} {
			<-a.done
		}
		if first.err != nil || second.err != nil {
			t.Errorf("close: %v, %v", first.err, second.err)
		}
		if o, ok := running.result.(*Outcome); !ok || o.ErrorCode != "Cancelled" {
			t.Errorf("running: %#v, %v", running.result, running.err)
		}
		if !errors.Is(queued.err, ErrSessionClosed) || !errors.Is(late.err, ErrSessionClosed) {
			t.Errorf("queued: %v, late: %v", queued.err, late.err)
		}
		if len(w.fake.Environments()) != 0 {
			t.Error("the environment is left")
		}
		w.wantEvents(events, "Closing/closing", "closed/client")
		if _, err := w.system.Lookup("", s.ID()); !errors.Is(err, ErrSessionClosed) {
			t.Errorf("lookup a moment later: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := w.system.Lookup("", s.ID()); !errors.Is(err, ErrSessionNotFound) {
			t.Errorf("lookup later: %v", err)
		}
	})
}

func TestALostEnvironmentIsReplacedAndTheQueueGoesOn(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, events := w.create(), &sink{}
		w.ask(s, &Attach{events})
		before := s.Info().EnvironmentID
		running, queued := send(s, shell("sleep", "10m")), send(s, shell("print", "hello"))
		synctest.Wait()
		w.fake.Environment(s.ID()).Kill()
		<-running.done
		<-queued.done
		o := running.result.(*Outcome)
		if o.ErrorCode != "EnvironmentLost" || o.Result.(*ProcessResult).Exit.Code != nil {
			t.Errorf("running: %+v", o)
		}
		if o := queued.result.(*Outcome); stdout(o) != "hello" {
			t.Errorf("queued: %+v", o)
		}
		if s.Info().EnvironmentID == before {
			t.Error("the environment was not replaced")
		}
		w.wantEvents(events, "Recovering/environmentLost", "Idle/recovered", "Active/command", "Idle/command")
	})
}

func TestAnEnvironmentThatIsLostAgainAndAgainEndsTheSession(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s, events := w.create(), &sink{}
		w.ask(s, &Attach{events})
		for range maxLosses + 1 {
			send(s, shell("crash"))
			synctest.Wait()
		}
		if !w.ended(s) {
			t.Error("still there")
		}
		words := events.words()
		if words[len(words)-1] != "closed/environmentLost" {
			t.Errorf("events %q", words)
		}
	})
}

func TestAReplacementThatCannotBeMadeEndsTheSession(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		w.fake.FailCreates(errors.New("no room"))
		w.fake.Environment(s.ID()).Kill()
		synctest.Wait()
		queued := send(s, shell("true"))
		<-queued.done
		if !errors.Is(queued.err, ErrSessionClosed) {
			t.Errorf("queued: %v", queued.err)
		}
		time.Sleep(time.Second)
		if !w.ended(s) {
			t.Error("still there")
		}
	})
}

func TestAPanicEndsOneSessionAndAnswersItsCalls(t *testing.T) {
	panics := map[string]func(s *Session) *answer{
		"in the handler of a call": func(s *Session) *answer {
			send(s, &Attach{uncomparable{}})
			return send(s, &Attach{uncomparable{}})
		},
		"after a command was taken up": func(s *Session) *answer {
			a := &answer{done: make(chan struct{})}
			e := shell("true")
			e.Stream = true
			s.Send(&Call{Request: e, Caller: exploding{a}})
			return a
		},
		"while it closes": func(s *Session) *answer {
			send(s, &Attach{fuse{}})
			return send(s, &Close{})
		},
	}
	for name, explode := range panics {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, fake.Options{}, func(w *world) {
				s, sibling := w.create(), w.create()
				running, queued := send(s, shell("sleep", "1h")), send(s, shell("true"))
				synctest.Wait()
				poisoned, after := explode(s), send(s, &GetInfo{})
				for _, a := range []*answer{running, queued, poisoned, after} {
					<-a.done
					if a.err == nil || a.times != 1 {
						t.Errorf("answered %v, %v, %d times", a.result, a.err, a.times)
					}
				}
				if !w.ended(s) || len(w.fake.Environments()) != 1 {
					t.Error("the session is not gone")
				}
				if o := w.run(sibling, "print", "fine"); stdout(o) != "fine" {
					t.Errorf("sibling: %+v", o)
				}
			})
		})
	}
}

// uncomparable is a sink whose comparison panics.
type uncomparable struct{ _ []int }

func (uncomparable) SessionEvent(Event) {}

// fuse is a sink that panics when its session begins to close.
type fuse struct{}

func (fuse) SessionEvent(e Event) {
	if e.State == Closing {
		panic("boom")
	}
}

// exploding is a caller whose Follow panics.
type exploding struct{ *answer }

func (exploding) Follow(*output.Log) { panic("boom") }

// closingAgain is a Caller that closes the session once more as soon as it is closed.
type closingAgain struct {
	session *Session
	second  *answer
}

func (a *closingAgain) Reply(any, error) { a.session.Send(&Call{Request: &Close{}, Caller: a.second}) }

// The actor, which waits for its child before it stops, took such a close up and
// answered it never.
func TestAClosedSessionMayBeClosedAgainAtOnce(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		a := &closingAgain{s, &answer{done: make(chan struct{})}}
		s.Send(&Call{Request: &Close{}, Caller: a})
		synctest.Wait()
		if a.second.times != 1 || a.second.err != nil && !errors.Is(a.second.err, ErrSessionClosed) {
			t.Errorf("the second close: %d answers, %v", a.second.times, a.second.err)
		}
	})
}

// A session that panics again and again, S6 of the hostile cases.
func TestAThousandPanicsEndAThousandSessionsAndNoOther(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		sibling := w.create()
		for i := range 1000 {
			s := w.create()
			send(s, &Attach{uncomparable{}})
			poisoned := send(s, &Attach{uncomparable{}})
			<-poisoned.done
			if poisoned.err == nil || poisoned.times != 1 || !w.ended(s) {
				t.Fatalf("panic %d: answered %v, %d times; gone: %v", i, poisoned.err, poisoned.times, w.ended(s))
			}
		}
		synctest.Wait()
		if n := len(w.fake.Environments()); n != 1 {
			t.Errorf("%d environments are left", n)
		}
		if o := w.run(sibling, "print", "fine"); stdout(o) != "fine" {
			t.Errorf("sibling: %+v", o)
		}
	})
}
