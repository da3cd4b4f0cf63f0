package actors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

func TestOfAThousandCreatesAtOnceOnlyTheLimitIsAdmitted(t *testing.T) {
	inWorld(t, Options{MaxSessions: 32}, fake.Options{CreateDelay: time.Second}, func(w *world) {
		var mu sync.Mutex
		var made, busy int
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				_, _, err := w.system.Create(context.Background(), request())
				mu.Lock()
				defer mu.Unlock()
				var limit *BusyError
				switch {
				case err == nil:
					made++
				case errors.As(err, &limit) && limit.Limit == "sessions" && limit.RetryAfter > 0:
					busy++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made != 32 || busy != 968 {
			t.Errorf("made %d, busy %d", made, busy)
		}
	})
}

func TestAnotherKeysSessionDoesNotExist(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		r := request()
		r.Owner = "alice"
		s, _, err := w.system.Create(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.system.Lookup("bob", s.ID()); !errors.Is(err, ErrSessionNotFound) {
			t.Errorf("bob: %v", err)
		}
		if found, err := w.system.Lookup("alice", s.ID()); found != s {
			t.Errorf("alice: %v", err)
		}
		if infos, _, _ := w.system.List(ListRequest{Owner: "bob", Limit: 10}); len(infos) != 0 {
			t.Errorf("bob lists %d", len(infos))
		}
	})
}

func TestAClientTokenReturnsTheSameSessionWhileItLives(t *testing.T) {
	inWorld(t, Options{}, fake.Options{CreateDelay: time.Second}, func(w *world) {
		r := request()
		r.ClientToken, r.Fingerprint = "t", "f"
		ids := make(chan string, 2)
		for range 2 {
			go func() {
				s, _, err := w.system.Create(context.Background(), r)
				if err != nil {
					t.Error(err)
				}
				ids <- s.ID()
			}()
		}
		first, second := <-ids, <-ids
		if first != second {
			t.Errorf("two sessions: %s, %s", first, second)
		}
		other := r
		other.Fingerprint = "g"
		var argument *ArgumentError
		if _, _, err := w.system.Create(context.Background(), other); !errors.As(err, &argument) || argument.Member != "clientToken" {
			t.Errorf("other parameters: %v", err)
		}
		s, _ := w.system.Lookup("", first)
		w.ask(s, &Close{})
		again, _, err := w.system.Create(context.Background(), r)
		if err != nil || again.ID() == first {
			t.Errorf("after the close: %v", err)
		}
	})
}

func TestWhoCreatesASessionIsAttachedToIt(t *testing.T) {
	inWorld(t, Options{}, fake.Options{CreateDelay: time.Second}, func(w *world) {
		first, second, late, gone := &sink{}, &sink{}, &sink{}, &sink{}
		create := func(ctx context.Context, s *sink) (*Session, error) {
			r := request()
			r.ClientToken, r.KillOnDisconnect, r.Sink = "t", true, s
			session, _, err := w.system.Create(ctx, r)
			return session, err
		}
		left, leave := context.WithTimeout(context.Background(), time.Millisecond)
		defer leave()
		done := make(chan error, 2)
		go func() { _, err := create(context.Background(), first); done <- err }()
		go func() { _, err := create(context.Background(), second); done <- err }()
		if _, err := create(left, gone); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		if err := errors.Join(<-done, <-done); err != nil {
			t.Fatal(err)
		}
		s, err := create(context.Background(), late)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // who has left is detached
		w.run(s, "true")
		for _, one := range []*sink{first, second, late} {
			w.wantEvents(one, "Idle/command")
		}
		w.wantEvents(gone)
		for _, one := range []*sink{first, second, late} {
			w.ask(s, &Disconnected{one})
		}
		time.Sleep(DefaultDisconnectGrace + time.Second)
		if !w.ended(s) {
			t.Error("a session that nobody is attached to any more lives")
		}
	})
}

func TestACreateThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		w.fake.FailCreates(errors.New("no room"))
		_, _, err := w.system.Create(context.Background(), request())
		var failed *runtimes.EnvironmentError
		if !errors.As(err, &failed) {
			t.Errorf("err = %v", err)
		}
		synctest.Wait()
		if infos, _, _ := w.system.List(ListRequest{Limit: 10}); len(infos) != 0 {
			t.Errorf("%d sessions are left", len(infos))
		}
	})
}

func TestACreateThatFailsIsLoggedOnceWithSessionStepAndCause(t *testing.T) {
	var log bytes.Buffer
	inWorld(t, Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))}, fake.Options{}, func(w *world) {
		w.fake.FailCreates(errors.New("no room in /srv/data"))
		_, _, err := w.system.Create(context.Background(), request())
		if err == nil {
			t.Fatal("it succeeded")
		}
		synctest.Wait()
		var line struct{ Level, Msg, Session, Runtime, Step, Error string }
		if err := json.Unmarshal(log.Bytes(), &line); err != nil { // more than one line is an error too
			t.Fatalf("%v: %s", err, &log)
		}
		if line.Level != "WARN" || line.Msg != "environment not made" || !strings.HasPrefix(line.Session, "n1.") ||
			line.Runtime != "Native" || line.Step != "create" || line.Error != "no room in /srv/data" {
			t.Errorf("logged %+v", line)
		}
	})
}

func TestAReplacementThatFailsIsLoggedEachTimeItIsTried(t *testing.T) {
	var log bytes.Buffer
	inWorld(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, fake.Options{}, func(w *world) {
		s := w.create()
		w.fake.FailCreates(errors.New("no room"))
		w.fake.Environment(s.ID()).Kill()
		time.Sleep(time.Minute)
		synctest.Wait()
		text := log.String()
		if strings.Count(text, "environment not replaced, trying again") != replaceAttempts-1 ||
			strings.Count(text, "environment not made") != 1 || strings.Count(text, "step=create") != replaceAttempts {
			t.Errorf("logged %s", text)
		}
	})
}

func TestAReasonToldWithMoreKeepsAllOfItForTheLog(t *testing.T) {
	var log bytes.Buffer
	inWorld(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, fake.Options{}, func(w *world) {
		e := &environment{system: w.system, runtime: w.fake, ends: &ends{session: &Session{id: "s"}}}
		made := &runtimes.EnvironmentError{Runtime: runtimes.Bun, Step: "start box", Reason: "r", Err: errors.New("cause")}
		e.warn("environment not made", errors.Join(made, errors.New("and not undone")))
		e.warn("environment not made", errors.New("neither step nor reason"))
		if text := log.String(); !strings.Contains(text, `step="start box"`) || !strings.Contains(text, "cause") ||
			!strings.Contains(text, "and not undone") || !strings.Contains(text, "neither step nor reason") {
			t.Errorf("logged %s", text)
		}
	})
}

func TestACreateThatTakesTooLongIsGivenUp(t *testing.T) {
	inWorld(t, Options{CreateTimeout: time.Second}, fake.Options{CreateDelay: time.Hour}, func(w *world) {
		_, _, err := w.system.Create(context.Background(), request())
		var failed *runtimes.EnvironmentError
		if !errors.As(err, &failed) || failed.Reason == "" {
			t.Errorf("err = %v", err)
		}
	})
}

func TestASessionWhoseMakerLeftIsClosed(t *testing.T) {
	inWorld(t, Options{}, fake.Options{CreateDelay: 10 * time.Second}, func(w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, _, err := w.system.Create(ctx, request()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		time.Sleep(time.Minute)
		if left := w.fake.Environments(); len(left) != 0 {
			t.Errorf("%d environments are left", len(left))
		}
	})
}

func TestClosingDuringTheCreationCancelsIt(t *testing.T) {
	inWorld(t, Options{}, fake.Options{CreateDelay: time.Hour}, func(w *world) {
		failed := make(chan error, 1)
		go func() {
			_, _, err := w.system.Create(context.Background(), request())
			failed <- err
		}()
		synctest.Wait()
		infos, _, _ := w.system.List(ListRequest{Limit: 1})
		s, _ := w.system.Lookup("", infos[0].SessionID)
		w.ask(s, &Close{})
		if err := <-failed; !errors.Is(err, ErrSessionClosed) {
			t.Errorf("create: %v", err)
		}
	})
}

func TestDrainingRefusesNewSessionsOnly(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		w.system.Drain()
		if _, _, err := w.system.Create(context.Background(), request()); !errors.Is(err, ErrShuttingDown) {
			t.Errorf("create: %v", err)
		}
		if o := w.run(s, "print", "x"); !o.Success {
			t.Errorf("command: %+v", o)
		}
	})
}

func TestAfterAShutdownEveryCallFailsAtOnce(t *testing.T) {
	registry := runtimes.NewRegistry(fake.New(fake.Options{Dir: t.TempDir()}))
	registry.Probe(t.Context())
	system := NewSystem(Options{Registry: registry})
	if err := system.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, created := system.Create(t.Context(), request())
	_, found := system.Lookup("", "n1.x")
	_, _, listed := system.List(ListRequest{Limit: 1})
	for _, err := range []error{created, found, listed} {
		if !errors.Is(err, ErrShuttingDown) {
			t.Errorf("err = %v", err)
		}
	}
}

func TestWhoPrefersSecurityGetsTheStrongest(t *testing.T) {
	for preference, strongest := range map[runtimes.Preference]bool{
		runtimes.Security: true, runtimes.Balanced: false, runtimes.Speed: false, runtimes.Memory: false,
	} {
		for _, named := range []runtimes.Type{0, runtimes.Docker} {
			var asked []bool
			docker := fake.New(fake.Options{Type: runtimes.Docker, Dir: t.TempDir(), CreateError: func(spec runtimes.Spec) error {
				asked = append(asked, spec.Strongest)
				return nil
			}})
			synctest.Test(t, func(t *testing.T) {
				registry := runtimes.NewRegistry(docker)
				registry.Probe(context.Background())
				system := NewSystem(Options{Registry: registry})
				r := request()
				r.Preference, r.Runtime = preference, named
				if _, _, err := system.Create(context.Background(), r); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(asked, []bool{strongest}) {
					t.Errorf("%v on %v: the strongest is asked for: %v", preference, named, asked)
				}
				if err := system.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestTheRuntimeIsChosenOrNamed(t *testing.T) {
	bun := fake.New(fake.Options{Type: runtimes.Bun, Dir: t.TempDir()})
	docker := fake.New(fake.Options{Type: runtimes.Docker, Score: 9, Dir: t.TempDir()})
	synctest.Test(t, func(t *testing.T) {
		registry := runtimes.NewRegistry(bun, docker)
		registry.Probe(context.Background())
		system := NewSystem(Options{Registry: registry})
		create := func(edit func(*CreateRequest)) (runtimes.Type, error) {
			r := request()
			edit(&r)
			_, info, err := system.Create(context.Background(), r)
			if err != nil {
				return 0, err
			}
			return info.Runtime, nil
		}
		if got, err := create(func(r *CreateRequest) { r.Preference = runtimes.Speed }); got != runtimes.Bun {
			t.Errorf("Speed: %v, %v", got, err)
		}
		if got, err := create(func(r *CreateRequest) { r.Preference = runtimes.Security }); got != runtimes.Docker {
			t.Errorf("Security: %v, %v", got, err)
		}
		if got, err := create(func(r *CreateRequest) { r.Runtime = runtimes.Docker }); got != runtimes.Docker {
			t.Errorf("Docker: %v, %v", got, err)
		}
		var unavailable *UnavailableError
		if _, err := create(func(r *CreateRequest) { r.Runtime = runtimes.Deno }); !errors.As(err, &unavailable) {
			t.Errorf("Deno: %v", err)
		}
		if _, err := create(func(r *CreateRequest) { r.Runtime, r.Language = runtimes.Bun, runtimes.Python }); !errors.As(err, &unavailable) ||
			unavailable.Reason != "it never serves python: name Native or Docker, or no runtime" {
			t.Errorf("Python in Bun: %v", err)
		}
		docker.SetUnavailable("the engine is down")
		registry.Probe(context.Background())
		var language *LanguageError
		if _, err := create(func(r *CreateRequest) { r.Language = runtimes.Python }); !errors.As(err, &language) || len(language.Served) != 2 ||
			language.Reason != "Docker: the engine is down" {
			t.Errorf("Python: %v", err)
		}
		if err := system.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestPagesOfSessions(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		for i := range 5 {
			r := request()
			r.Labels = map[string]string{"parity": []string{"even", "odd"}[i%2]}
			if _, _, err := w.system.Create(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond) // ids sort by the millisecond
		}
		first, next, _ := w.system.List(ListRequest{Limit: 3})
		rest, end, _ := w.system.List(ListRequest{Limit: 3, After: next})
		if len(first) != 3 || len(rest) != 2 || end != "" || first[2].SessionID >= rest[0].SessionID {
			t.Errorf("pages of %d and %d, next %q", len(first), len(rest), end)
		}
		odd, _, _ := w.system.List(ListRequest{Limit: 10, Labels: map[string]string{"parity": "odd"}})
		if len(odd) != 2 {
			t.Errorf("%d odd ones", len(odd))
		}
	})
}

// Six sessions of 18 GB were admitted on a machine of 24 GB.
func TestSessionsAreAdmittedAsLongAsThereIsMemoryToPromise(t *testing.T) {
	const gigabyte = int64(1 << 30)
	o := Options{HostMemoryBytes: 20 * gigabyte, MaxSessions: 1000, MemoryOvercommit: 8}
	inWorld(t, o, fake.Options{}, func(w *world) {
		try := func(bytes int64) (*Session, error) {
			r := request()
			r.Limits.MemoryBytes = bytes
			session, _, err := w.system.Create(context.Background(), r)
			return session, err
		}
		large, err := try(18 * gigabyte)
		if err != nil {
			t.Fatal(err)
		}
		var busy *BusyError
		if _, err := try(18 * gigabyte); !errors.As(err, &busy) || busy.Limit != "memory" || busy.Maximum != 20<<10 ||
			busy.RetryAfter <= 0 || !strings.Contains(busy.Error(), "--host-memory-share") {
			t.Errorf("the second of 18 GB: %v", err)
		}
		// 2 GB and the seven eighths of 512 MB that the large one does not count.
		const ordinary = 39
		for n := range ordinary + 1 {
			if _, err := try(OrdinaryMemoryBytes); (err != nil) != (n == ordinary) {
				t.Fatalf("ordinary session %d: %v", n, err)
			}
		}
		w.ask(large, &Close{})
		synctest.Wait()
		if _, err := try(17 * gigabyte); err != nil {
			t.Errorf("after the large one was closed: %v", err)
		}
	})
}

func TestMemoryIsGivenBackHoweverASessionEnds(t *testing.T) {
	const most = 1 << 30
	inWorld(t, Options{HostMemoryBytes: most, MemoryOvercommit: 1}, fake.Options{}, func(w *world) {
		r := request()
		r.Limits.MemoryBytes = most
		w.fake.FailCreates(errors.New("told to"))
		for range 3 { // one that fails
			if _, _, err := w.system.Create(context.Background(), r); errors.As(err, new(*BusyError)) {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		w.fake.FailCreates(nil)
		for range 3 { // one whose environment is lost for good
			session, _, err := w.system.Create(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			w.fake.FailCreates(errors.New("told to"))
			w.fake.Environments()[0].Kill()
			time.Sleep(time.Minute)
			if state := w.state(session); state != Closed {
				t.Fatalf("state %v", state)
			}
			w.fake.FailCreates(nil)
		}
		again, left := context.WithCancel(context.Background())
		left() // one whose client has left
		_, _, _ = w.system.Create(again, r)
		time.Sleep(time.Minute)
		if _, _, err := w.system.Create(context.Background(), r); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatASessionCountsOfTheHostsMemory(t *testing.T) {
	const megabyte = int64(1 << 20)
	for name, c := range map[string]struct {
		memory, disk    int64
		asked, inMemory bool
		want            int64
	}{
		"the default":                      {512, 1024, false, true, 768 / 12},
		"the default, with files on disk":  {512, 1024, false, false, 512 / 12},
		"a large disk, which is on disk":   {512, 4096, true, true, 512 / 12},
		"a small one":                      {100, 20, true, true, 10},
		"much memory":                      {18 << 10, 1024, false, true, 18<<10 + 1024 - 768 + 64},
		"much memory, with files on disk":  {18 << 10, 1024, false, false, 18<<10 - 512 + 512/12},
		"much memory and much disk":        {18 << 10, 16 << 10, true, true, 18<<10 - 768 + 64},
		"little memory that has its share": {100, 1024, false, true, 150 / 12},
	} {
		o := Options{FilesInMemory: c.inMemory}
		o.setDefaults()
		r := CreateRequest{DiskAsked: c.asked, Limits: runtimes.Limits{MemoryBytes: c.memory * megabyte, DiskBytes: c.disk * megabyte}}
		if got := o.promised(&r) / megabyte; got != c.want {
			t.Errorf("%s: %d MB, want %d", name, got, c.want)
		}
	}
}
