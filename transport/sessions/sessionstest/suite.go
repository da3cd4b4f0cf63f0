// Package sessionstest is the suite that every service of package sessions
// passes, whichever way it reaches its sessions.
package sessionstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// Open makes a service for one client, who has shown a key, "" for none, of a
// server with the fake runtime's Native, whose programs print, cat, fail and sleep
// it runs. The service is closed by the suite.
type Open func(t *testing.T, events func(sessions.Event)) sessions.Service

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, k *kit)
	}{
		{"WhatTheServerOffersIsTold", offers},
		{"ASessionIsMadeFoundListedAndClosed", lifecycle},
		{"EachWrongFieldIsNamed", wrongFields},
		{"AnUnknownLanguageTellsTheServed", unknownLanguage},
		{"WhatIsNotThereIsSaid", nothingThere},
		{"AProgramsOutcomeIsWhole", program},
		{"FilesAreWrittenReadAndListed", files},
		{"OutputAndInputOfAProgramThatRuns", conversation},
		{"ABackgroundProgramIsSignalled", signal},
		{"WaitingEndsWithItsTime", waiting},
		{"EventsOfASessionCome", events},
		{"WhatWasToEndWithTheClientEnds", killOnDisconnect},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newKit(t, open)) })
	}
}

// kit is what a test works with.
type kit struct {
	sessions.Service
	open   Open
	events chan sessions.Event
}

func newKit(t *testing.T, open Open) *kit {
	k := &kit{open: open, events: make(chan sessions.Event, 256)}
	k.Service = open(t, func(e sessions.Event) { k.events <- e })
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// session makes a session, which the test closes.
func (k *kit) session(t *testing.T) sessions.Session {
	t.Helper()
	s, _, err := k.Create(t.Context(), sessions.Create{Language: "python"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	return s
}

func run(name string, args ...string) sessions.Execute {
	return sessions.Execute{Program: &sessions.Program{Name: &name, Args: args}}
}

func offers(t *testing.T, k *kit) {
	languages, err := k.Languages(t.Context())
	if err != nil || !slices.ContainsFunc(languages, func(l sessions.Language) bool {
		return l.Language == runtimes.Python && slices.Contains(l.Runtimes, runtimes.Native) && l.Default == runtimes.Native
	}) {
		t.Errorf("languages %+v, %v", languages, err)
	}
	all, err := k.Runtimes(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("runtimes %+v, %v", all, err)
	}
	r := all[0]
	if a := r.Availability; r.Type != runtimes.Native || !a.Available || !a.Processes || !slices.Contains(a.Languages, runtimes.Python) {
		t.Errorf("got %+v", r)
	}
}

func lifecycle(t *testing.T, k *kit) {
	ctx := t.Context()
	idle, memory := 5*time.Minute, int64(256)
	labels := map[string]string{"suite": t.Name()}
	s, made, err := k.Create(ctx, sessions.Create{Language: "py", IdleTimeout: &idle, MemoryMB: &memory, Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	if made.SessionID != s.ID() || made.Language != runtimes.Python || made.IdleTimeout != idle || made.MaxLifetime != sessions.DefaultLifetime {
		t.Errorf("made %+v", made)
	}
	found, err := k.Open(ctx, s.ID())
	if err != nil {
		t.Fatal(err)
	}
	longer := time.Hour
	if i, err := found.Extend(ctx, sessions.Extend{IdleTimeout: &longer}); err != nil || i.IdleTimeout != longer || i.MaxLifetime != made.MaxLifetime {
		t.Errorf("extended %+v, %v", i, err)
	}
	if i, err := found.Info(ctx); err != nil || i.IdleTimeout != longer || i.Labels["suite"] != t.Name() || !i.CreatedAt.Equal(made.CreatedAt.Truncate(time.Millisecond)) && !i.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("info %+v, %v", i, err)
	}
	time.Sleep(2 * time.Millisecond) // ids sort by the millisecond
	other := k.session(t)
	one := int64(1)
	page, err := k.List(ctx, sessions.List{Limit: &one})
	if err != nil || len(page.Sessions) != 1 || page.Sessions[0].SessionID != s.ID() || page.Next == "" {
		t.Fatalf("first page %+v, %v", page, err)
	}
	if page, err = k.List(ctx, sessions.List{After: &page.Next}); err != nil || len(page.Sessions) != 1 || page.Sessions[0].SessionID != other.ID() || page.Next != "" {
		t.Errorf("second page %+v, %v", page, err)
	}
	if page, err = k.List(ctx, sessions.List{Labels: labels}); err != nil || len(page.Sessions) != 1 {
		t.Errorf("by label %+v, %v", page, err)
	}
	for range 2 {
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := k.Open(ctx, s.ID()); !errors.Is(err, sessions.ErrSessionClosed) {
		t.Errorf("open of a closed one: %v", err)
	}
}

func wrongFields(t *testing.T, k *kit) {
	s := k.session(t)
	few, many, none, image := int64(1), int64(1<<40), time.Duration(0), "nowhere.example/x"
	create := func(edit func(*sessions.Create)) error {
		c := sessions.Create{Language: "python"}
		edit(&c)
		_, _, err := k.Create(t.Context(), c)
		return err
	}
	execute := func(x sessions.Execute) error {
		_, err := s.Execute(t.Context(), x)
		return err
	}
	long := run("true")
	long.Timeout = &none
	limited := run("true")
	limited.Program.Limits.StackMB = &many
	page := func(l sessions.List) error { _, err := k.List(t.Context(), l); return err }
	for _, c := range []struct {
		want sessions.Field
		part string
		err  error
	}{
		{sessions.FieldLanguage, "", create(func(c *sessions.Create) { c.Language = "" })},
		{sessions.FieldMemory, "", create(func(c *sessions.Create) { c.MemoryMB = &few })},
		{sessions.FieldDisk, "", create(func(c *sessions.Create) { c.DiskMB = &many })},
		{sessions.FieldIdleTimeout, "", create(func(c *sessions.Create) { c.IdleTimeout = &none })},
		{sessions.FieldEnv, ".A=B", create(func(c *sessions.Create) { c.Env = map[string]string{"A=B": ""} })},
		{sessions.FieldImage, "", create(func(c *sessions.Create) { c.Image = &image })},
		{sessions.FieldLabels, ".", create(func(c *sessions.Create) { c.Labels = map[string]string{"": ""} })},
		{sessions.FieldLimit, "", page(sessions.List{Limit: &many})},
		{sessions.FieldAfter, "", page(sessions.List{After: &image})},
		{sessions.FieldCommand, "", execute(sessions.Execute{})},
		{sessions.FieldName, "", execute(run(""))},
		{sessions.FieldArgs, "[1]", execute(run("print", "a", "\x00"))},
		{sessions.FieldTimeout, "", execute(long)},
		{sessions.FieldCommandStack, "", execute(limited)},
		{sessions.FieldPattern, "", execute(sessions.Execute{File: &runtimes.ListDirectory{Path: ".", Pattern: "["}})},
		{sessions.FieldAtomic, "", execute(sessions.Execute{File: &runtimes.WriteFile{Path: "a", Mode: runtimes.Append, Atomic: true}})},
	} {
		var got *sessions.FieldError
		if !errors.As(c.err, &got) || got.Field != c.want || got.Part != c.part || got.Reason == "" {
			t.Errorf("%s%s: %v", c.want, c.part, c.err)
		}
	}
	if err := s.Execution("nowhere").Resize(t.Context(), runtimes.TerminalSize{Columns: 0, Rows: 1}); sessions.FieldOf(err) != sessions.FieldColumns {
		t.Errorf("a terminal without columns: %v", err)
	}
	large := run("cat")
	large.Program.Stdin = make([]byte, 9<<20)
	var tooLarge *sessions.TooLargeError
	if err := execute(large); !errors.As(err, &tooLarge) || tooLarge.Field != sessions.FieldStdin || tooLarge.Limit != 8<<20 {
		t.Errorf("9 MiB of input: %v", err)
	}
}

func unknownLanguage(t *testing.T, k *kit) {
	_, _, err := k.Create(t.Context(), sessions.Create{Language: "cobol"})
	var unknown *sessions.UnknownLanguageError
	if !errors.As(err, &unknown) || !slices.Contains(unknown.Served, runtimes.Python) {
		t.Errorf("cobol: %v", err)
	}
	_, _, err = k.Create(t.Context(), sessions.Create{Language: "python", Runtime: runtimes.Docker})
	var unavailable *sessions.UnavailableError
	if !errors.As(err, &unavailable) || unavailable.Runtime != runtimes.Docker || unavailable.Reason == "" {
		t.Errorf("Docker: %v", err)
	}
}

func nothingThere(t *testing.T, k *kit) {
	if _, err := k.Open(t.Context(), "n1.00000000000000000000000000"); !errors.Is(err, sessions.ErrSessionNotFound) {
		t.Errorf("unknown session: %v", err)
	}
	e := k.session(t).Execution("00000000000000000000000000")
	if _, err := e.Wait(t.Context(), 0); !errors.Is(err, sessions.ErrExecutionNotFound) {
		t.Errorf("unknown execution: %v", err)
	}
	for _, err := range e.Output(t.Context(), 0) {
		if !errors.Is(err, sessions.ErrExecutionNotFound) {
			t.Errorf("its output: %v", err)
		}
	}
}

func program(t *testing.T, k *kit) {
	s := k.session(t)
	o, err := s.Execute(t.Context(), run("print", "grüße", "\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := o.Program
	if !o.Success || o.Running || p == nil || string(p.Stdout.Data) != "grüße \n" || p.Exit.Status != runtimes.Completed || p.Exit.Code == nil || *p.Exit.Code != 0 {
		t.Errorf("got %+v, %+v", o, p)
	}
	in := run("cat")
	in.Program.Stdin = []byte("a\x00\xff")
	if o, err = s.Execute(t.Context(), in); err != nil || string(o.Program.Stdout.Data) != "a\x00\xff" {
		t.Errorf("bytes: %+v, %v", o, err)
	}
	if o, err = s.Execute(t.Context(), run("fail", "3")); err != nil || o.Success || o.ErrorCode != "NonZeroExit" || o.Error == "" || *o.Program.Exit.Code != 3 {
		t.Errorf("failed: %+v, %v", o, err)
	}
	all, err := s.Executions(t.Context())
	if err != nil || len(all) != 3 || all[0].CommandName != "print" || all[0].Type != runtimes.TypeProgram || all[2].ID != o.ExecutionID {
		t.Errorf("executions %+v, %v", all, err)
	}
	again, err := s.Execution(o.ExecutionID).Wait(t.Context(), -1)
	if err != nil || again == nil || again.ErrorCode != o.ErrorCode || *again.Program.Exit.Code != 3 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func files(t *testing.T, k *kit) {
	s := k.session(t)
	do := func(c runtimes.FileCommand) *sessions.Outcome {
		t.Helper()
		o, err := s.Execute(t.Context(), sessions.Execute{File: c})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	content := []byte("line\n\x00\xff")
	if o := do(&runtimes.WriteFile{Path: "d/a", Content: content}); !o.Success || o.Bytes != int64(len(content)) {
		t.Errorf("write: %+v", o)
	}
	o := do(&runtimes.ReadFile{Path: "d/a", Offset: 2})
	if !o.Success || string(o.Content.Content) != string(content[2:]) || o.Content.Size != int64(len(content)) || o.Content.Truncated {
		t.Errorf("read: %+v %+v", o, o.Content)
	}
	if waited, err := s.Execution(o.ExecutionID).Wait(t.Context(), -1); err != nil || string(waited.Content.Content) != string(content[2:]) {
		t.Errorf("read, waited for: %+v, %v", waited, err)
	}
	if o := do(&runtimes.CopyFile{Source: "d/a", Destination: "b"}); !o.Success || o.Bytes != int64(len(content)) {
		t.Errorf("copy: %+v", o)
	}
	if o := do(&runtimes.MoveFile{Source: "b", Destination: "c"}); !o.Success {
		t.Errorf("move: %+v", o)
	}
	o = do(&runtimes.ListDirectory{Path: ".", Recursive: true})
	if !o.Success || len(o.Listing.Entries) != 3 {
		t.Fatalf("list: %+v %+v", o, o.Listing)
	}
	if e := o.Listing.Entries[0]; e.Path != "c" || e.Type != runtimes.TypeFile || e.Size != int64(len(content)) || e.Mode != 0o644 || time.Since(time.UnixMilli(e.ModifiedAt)) > time.Hour {
		t.Errorf("entry %+v", e)
	}
	if o := do(&runtimes.DeleteFile{Path: "d"}); o.Success || o.ErrorCode != string(runtimes.CodeDirectoryNotEmpty) {
		t.Errorf("delete of a directory with a file: %+v", o)
	}
}

func conversation(t *testing.T, k *kit) {
	s := k.session(t)
	x := run("cat")
	x.Program.OpenInput = true
	e, err := s.Start(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 3 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		if n, err := e.Input(t.Context(), []byte(line), i == 2); err != nil || n != len(line) {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
	var got strings.Builder
	for c, err := range e.Output(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Stream != runtimes.Stdout || c.Offset != int64(got.Len()) {
			t.Errorf("chunk %+v behind %d bytes", c, got.Len())
		}
		got.Write(c.Data)
	}
	if got.String() != want.String() {
		t.Errorf("got %q", got.String())
	}
	o, err := e.Wait(t.Context(), -1)
	if err != nil || !o.Success {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := e.Input(t.Context(), []byte("x"), false); sessions.FieldOf(err) != sessions.FieldExecution {
		t.Errorf("input to one that has ended: %v", err)
	}
}

func signal(t *testing.T, k *kit) {
	s := k.session(t)
	x := run("sleep", "100s")
	x.Background = true
	o, err := s.Execute(t.Context(), x)
	if err != nil || !o.Running {
		t.Fatalf("%+v, %v", o, err)
	}
	e := s.Execution(o.ExecutionID)
	if delivered, err := e.Signal(t.Context(), runtimes.SIGKILL); err != nil || !delivered {
		t.Errorf("%v, %v", delivered, err)
	}
	if o, err = e.Wait(t.Context(), -1); err != nil || o.Program.Exit.Signal != "SIGKILL" || o.Program.Exit.Code != nil {
		t.Errorf("%+v, %v", o, err)
	}
	if delivered, err := e.Signal(t.Context(), runtimes.SIGTERM); err != nil || delivered {
		t.Errorf("signal to one that has ended: %v, %v", delivered, err)
	}
	if err := e.Resize(t.Context(), runtimes.TerminalSize{Columns: 80, Rows: 24}); sessions.FieldOf(err) != sessions.FieldExecution {
		t.Errorf("resize without a terminal: %v", err)
	}
}

func waiting(t *testing.T, k *kit) {
	s := k.session(t)
	x := run("sleep", "100s")
	x.Background = true
	e, err := s.Start(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := e.Wait(t.Context(), 10*time.Millisecond); err != nil || o != nil {
		t.Errorf("%+v, %v", o, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	time.AfterFunc(10*time.Millisecond, func() { cancel(stop) })
	if _, err := e.Wait(ctx, -1); !errors.Is(err, stop) {
		t.Errorf("wait with a context that ends: %v", err)
	}
	for _, err := range e.Output(ctx, 0) {
		if !errors.Is(err, stop) {
			t.Errorf("output with a context that has ended: %v", err)
		}
	}
}

// next waits for an event of a kind.
func (k *kit) next(t *testing.T, session string, kind actors.EventKind) sessions.Event {
	t.Helper()
	for {
		select {
		case e := <-k.events:
			if e.SessionID == session && e.Kind == kind {
				return e
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no event within 10 s")
		}
	}
}

func events(t *testing.T, k *kit) {
	s := k.session(t)
	if _, err := s.Execute(t.Context(), run("print")); err != nil {
		t.Fatal(err)
	}
	if e := k.next(t, s.ID(), actors.StateChanged); e.Reason != actors.ReasonCommand {
		t.Errorf("got %+v", e)
	}
	other := newKit(t, k.open)
	seen, err := other.Open(t.Context(), s.ID())
	if err != nil {
		t.Fatal(err)
	}
	if i, err := seen.Attach(t.Context()); err != nil || i.SessionID != s.ID() {
		t.Errorf("attach: %+v, %v", i, err)
	}
	if err := s.Detach(t.Context()); err != nil {
		t.Errorf("detach: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := other.next(t, s.ID(), actors.SessionEnded); e.Reason != actors.EndedByClient {
		t.Errorf("got %+v", e)
	}
	for len(k.events) > 0 {
		if e := <-k.events; e.Kind == actors.SessionEnded {
			t.Errorf("a detached service was told: %+v", e)
		}
	}
}

func killOnDisconnect(t *testing.T, k *kit) {
	s := k.session(t)
	other := newKit(t, k.open)
	theirs, err := other.Open(t.Context(), s.ID())
	if err != nil {
		t.Fatal(err)
	}
	x := run("sleep", "100s")
	x.Background = true
	stays, err := theirs.Start(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	x.KillOnDisconnect = true
	goes, err := theirs.Execute(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	o, err := s.Execution(goes.ExecutionID).Wait(t.Context(), -1)
	if err != nil || o.ErrorCode != "Cancelled" {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := s.Execution(stays.ID()).Wait(t.Context(), 0); err != nil || o != nil {
		t.Errorf("one that was to stay: %+v, %v", o, err)
	}
}
