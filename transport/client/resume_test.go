package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// quick reconnects without waiting long.
var quick = client.Redial{First: time.Millisecond, Max: 20 * time.Millisecond, GiveUp: 20 * time.Second}

// dialThrough dials until it works: Dial itself tries once.
func dialThrough(t *testing.T, url string, o client.Options) *client.Client {
	t.Helper()
	for range 1000 {
		c, err := client.Dial(t.Context(), url, o)
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
	}
	t.Fatal("no connection lasts for a handshake")
	return nil
}

// startThrough starts a command again as long as it is not known whether it
// was started.
func startThrough(t *testing.T, c *client.Client, x client.Execute) *client.Execution {
	t.Helper()
	for range 1000 {
		e, err := c.Start(t.Context(), x)
		if err == nil {
			return e
		}
		if !errors.Is(err, client.ErrConnectionLost) {
			t.Fatalf("start: %v", err)
		}
	}
	t.Fatal("never started")
	return nil
}

// cutter gives each connection a random number of bytes, until it has cut often
// enough.
func cutter(seed uint64, cuts, most int) func() (up, down int) {
	r := rand.New(rand.NewPCG(seed, 2))
	return func() (up, down int) {
		if cuts--; cuts < 0 {
			return -1, -1
		}
		up, down = r.IntN(most), r.IntN(most)
		switch r.IntN(3) {
		case 0:
			return up, -1
		case 1:
			return -1, down
		}
		return up, down
	}
}

// joined reads the output and checks that each piece is where it belongs.
// Missing is what the gaps say of both streams.
func joined(t *testing.T, e *client.Execution, want [2][]byte) (got, missing int64) {
	t.Helper()
	at := [2]int64{}
	for o, err := range e.Output() {
		var gap *client.GapError
		switch {
		case errors.As(err, &gap):
			missing += gap.Missing.Stdout + gap.Missing.Stderr
			at[0] += gap.Missing.Stdout
			at[1] += gap.Missing.Stderr
			continue
		case err != nil:
			t.Fatalf("after %d bytes: %v", got, err)
		}
		i := 0
		if o.Stream == client.Stderr {
			i = 1
		}
		end := o.Offset + int64(len(o.Data))
		if o.Offset != at[i] || end > int64(len(want[i])) || !bytes.Equal(o.Data, want[i][o.Offset:end]) {
			t.Fatalf("chunk %d: %d bytes of %s at %d do not fit at %d of %d", o.Seq, len(o.Data), o.Stream, o.Offset, at[i], len(want[i]))
		}
		at[i] = end
		got += int64(len(o.Data))
	}
	if at != [2]int64{int64(len(want[0])), int64(len(want[1]))} {
		t.Errorf("it ends at %d of %d and %d bytes", at, len(want[0]), len(want[1]))
	}
	return got, missing
}

// The property: wherever connections are cut, in whatever direction, the output
// joined is what the program wrote. The ring holds all of it.
func TestOutputIsWholeWhereverConnectionsAreCut(t *testing.T) {
	url := serveWith(t, setup{programs: map[string]fake.Program{"noise": noisy}})
	rounds := 24
	if testing.Short() {
		rounds = 5
	}
	var made atomic.Int64
	t.Cleanup(func() {
		if mean := int(made.Load()) / rounds; mean < 5 {
			t.Errorf("%d connections each: too few were cut", mean)
		}
	})
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			size := int(seed*seed*400) % (200 << 10)
			p := newProxy(t, url, cutter(seed, 25, 400+size/64))
			c := dialThrough(t, p.url, client.Options{Redial: quick})
			session := create(t, c)
			e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("noise", fmt.Sprint(seed), fmt.Sprint(size))})
			if got, missing := joined(t, e, written(seed, size)); got != int64(size) || missing != 0 {
				t.Errorf("%d of %d bytes, %d missing", got, size, missing)
			}
			r, err := e.Wait(t.Context())
			if err != nil || !r.Success || *r.Result.(*protocol.ProcessResult).ExitCode != 0 {
				t.Errorf("%+v, %v", r, err)
			}
			if err := c.CloseSession(t.Context(), session); err != nil {
				t.Error(err)
			}
			made.Add(int64(p.cut()))
		})
	}
}

// With a small ring some output is dropped while nobody is connected; the gaps
// say exactly what.
func TestGapsCountEveryByteThatIsMissing(t *testing.T) {
	url := serveWith(t, setup{programs: map[string]fake.Program{"noise": noisy}, ring: 32 << 10})
	var lost int64
	for seed := range uint64(8) {
		size := 512 << 10
		p := newProxy(t, url, cutter(seed, 12, 100<<10))
		c := dialThrough(t, p.url, client.Options{Redial: client.Redial{First: 20 * time.Millisecond, Max: 20 * time.Millisecond}})
		e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: client.Program("noise", fmt.Sprint(seed), fmt.Sprint(size))})
		got, missing := joined(t, e, written(seed, size))
		if got+missing != int64(size) {
			t.Errorf("seed %d: %d bytes came, %d are missing, of %d", seed, got, missing, size)
		}
		lost += missing
	}
	if lost == 0 {
		t.Error("nothing was ever dropped: the test shows nothing")
	}
}

// A reader that is slow here, but takes something, loses nothing: it holds the
// program back. Calls go on meanwhile.
func TestASlowReaderHoldsBackItsProgramAndNoCall(t *testing.T) {
	url := serveWith(t, setup{programs: map[string]fake.Program{"noise": noisy}, ring: 64 << 10})
	c := dial(t, url, client.Options{OutputBytes: 32 << 10})
	session := create(t, c)
	const size = 4 << 20
	want, at, pieces := written(7, size), [2]int64{}, 0
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("noise", "7", fmt.Sprint(size))})
	for o, err := range e.Output() {
		if err != nil {
			t.Fatal(err)
		}
		if pieces++; pieces%200 == 0 {
			if _, err := c.Get(t.Context(), session); err != nil {
				t.Fatal(err)
			}
		}
		i := 0
		if o.Stream == client.Stderr {
			i = 1
		}
		if end := at[i] + int64(len(o.Data)); o.Offset != at[i] || !bytes.Equal(o.Data, want[i][at[i]:end]) {
			t.Fatalf("chunk %d does not fit", o.Seq)
		} else {
			at[i] = end
		}
	}
	if at[0]+at[1] != size {
		t.Errorf("%d bytes", at[0]+at[1])
	}
}

// A reader that takes nothing for more than a second is thrown out by the
// server (1013) and comes back by itself.
func TestAReaderThatSleptGoesOnWithWhatWasKept(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	url := serveWith(t, setup{programs: map[string]fake.Program{"noise": noisy}, ring: 16 << 20})
	p := newProxy(t, url, nil)
	c := dial(t, p.url, client.Options{OutputBytes: 32 << 10})
	const size = 12 << 20
	want := written(11, size)
	e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: client.Program("noise", "11", fmt.Sprint(size))})
	next, stop := iter.Pull2(e.Output())
	defer stop()
	first, err, _ := next()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return connections(t, url) == 1 })
	total := len(first.Data)
	for o, err, ok := next(); ok; o, err, ok = next() {
		i := 0
		if o.Stream == client.Stderr {
			i = 1
		}
		if err != nil || !bytes.Equal(o.Data, want[i][o.Offset:o.Offset+int64(len(o.Data))]) {
			t.Fatalf("chunk %d at %d: %v", o.Seq, total, err)
		}
		total += len(o.Data)
	}
	if total != size {
		t.Errorf("%d bytes", total)
	}
	if made := p.cut(); made < 3 {
		t.Errorf("%d connections: it was never thrown out", made)
	}
}

// connections is how many a server has.
func connections(t *testing.T, url string) (n int) {
	t.Helper()
	address := "http" + strings.TrimSuffix(strings.TrimPrefix(url, "ws"), "/ws/jsonrpc") + "/metrics"
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	_, value, ok := strings.Cut(string(text), "\ncodebeaker_connections ")
	if _, scan := fmt.Sscan(value, &n); err != nil || !ok || scan != nil {
		t.Fatalf("metrics: %v, %v", err, scan)
	}
	return n
}

func TestWaitWithoutAReaderKeepsTheNewestOutput(t *testing.T) {
	url := serveWith(t, setup{programs: map[string]fake.Program{"noise": noisy}})
	c := dial(t, url, client.Options{OutputBytes: 64 << 10})
	const size = 1 << 20
	e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: client.Program("noise", "3", fmt.Sprint(size))})
	if r, err := e.Wait(t.Context()); err != nil || !r.Success {
		t.Fatalf("%+v, %v", r, err)
	}
	got, missing := joined(t, e, written(3, size))
	if got+missing != size || got == 0 || got > 96<<10 {
		t.Errorf("%d bytes kept, %d missing", got, missing)
	}
}

func TestAnExecutionIsAttachedFromAnyChunk(t *testing.T) {
	url := serveWith(t, setup{programs: map[string]fake.Program{"noise": noisy}})
	c := dial(t, url, client.Options{})
	session := create(t, c)
	const size = 200 << 10
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("noise", "5", fmt.Sprint(size))})
	var all []client.Output
	for o, err := range e.Output() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	other := dial(t, url, client.Options{})
	for _, from := range []int64{-1, 0, 1, int64(len(all) / 2), int64(len(all))} {
		again, err := other.AttachExecution(t.Context(), session, e.ID(), from)
		if err != nil {
			t.Fatal(err)
		}
		at := max(from, 0)
		for o, err := range again.Output() {
			if err != nil || o.Seq != at || !bytes.Equal(o.Data, all[at].Data) {
				t.Fatalf("from %d: chunk %d, %v", from, o.Seq, err)
			}
			at++
		}
		r, err := again.Wait(t.Context())
		if at != int64(len(all)) || err != nil || !r.Success || *r.Result.(*protocol.ProcessResult).ExitCode != 0 {
			t.Errorf("from %d: %d chunks, %+v, %v", from, at, r, err)
		}
	}
	if _, err := other.AttachExecution(t.Context(), session, e.ID(), int64(len(all)+1)); !errors.Is(err, client.ErrInvalidParams) {
		t.Errorf("beyond the end: %v", err)
	}
	if _, err := other.AttachExecution(t.Context(), session, "none", 0); !errors.Is(err, client.ErrExecutionNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestDetachEndsOutputAndLeavesTheProgram(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("trap")})
	for o, err := range e.Output() {
		if err != nil {
			if !errors.Is(err, client.ErrDetached) {
				t.Errorf("got %v", err)
			}
			break
		}
		if string(o.Data) == "ready\n" {
			e.Detach()
		}
	}
	if _, err := e.Wait(t.Context()); !errors.Is(err, client.ErrDetached) {
		t.Errorf("wait: %v", err)
	}
	if ok, err := c.Signal(t.Context(), session, e.ID(), "SIGTERM"); !ok || err != nil {
		t.Errorf("it has ended: %v, %v", ok, err)
	}
}

func TestAnExecutionWhoseSessionEndsMeanwhileSaysSo(t *testing.T) {
	url := serve(t)
	p := newProxy(t, url, nil)
	c := dialThrough(t, p.url, client.Options{Redial: quick})
	session := create(t, c)
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("trap")})
	p.setDown(true)
	if err := dial(t, url, client.Options{}).CloseSession(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	p.setDown(false)
	var last error
	for _, err := range e.Output() {
		last = err
	}
	if !errors.Is(last, client.ErrSessionClosed) && !errors.Is(last, client.ErrSessionNotFound) {
		t.Errorf("output ends with %v", last)
	}
	if _, err := e.Wait(t.Context()); !errors.Is(err, last) {
		t.Errorf("wait: %v", err)
	}
}

func TestRunKillsTheProgramWhenItsContextEnds(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	if _, err := c.Run(ctx, session, client.Program("stubborn")); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	list, err := c.Executions(t.Context(), session)
	if err != nil || len(list) != 1 || list[0].State != "Completed" {
		t.Errorf("%+v, %v", list, err)
	}
}
