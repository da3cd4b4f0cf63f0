package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/rpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup is a server for tests. The zero value has the defaults.
type setup struct {
	programs map[string]fake.Program
	ring     int // bytes of output kept
	keys     *transport.Keys
}

// serve starts a server over a fake runtime and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	return serveWith(t, setup{})
}

func serveWith(t *testing.T, o setup) string {
	t.Helper()
	registry := runtimes.NewRegistry(fake.New(fake.Options{Dir: t.TempDir(), Programs: o.programs}))
	registry.Probe(t.Context())
	system := actors.NewSystem(actors.Options{Registry: registry, OutputBytes: o.ring})
	local, err := sessions.New(sessions.Options{System: system, Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	server, err := rpc.NewServer(rpc.Options{Sessions: local, Version: "test"}, transport.Options{Keys: o.keys})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "ws://" + l.Addr().String() + "/ws/jsonrpc"
}

func dial(t *testing.T, url string, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func create(t *testing.T, c *client.Client) string {
	t.Helper()
	s, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"})
	if err != nil {
		t.Fatal(err)
	}
	return s.SessionID
}

func TestASessionFromItsCreateToItsClose(t *testing.T) {
	var events []string
	done := make(chan struct{})
	c := dial(t, serve(t), client.Options{OnNotification: func(method string, _ jsonrpc.Raw) {
		if events = append(events, method); method == protocol.NotifyClosed {
			close(done)
		}
	}})
	ctx := t.Context()
	who, err := c.Initialize(ctx)
	if err != nil || who.ServerInfo.Version != "test" || who.Limits.Batch != 50 {
		t.Fatalf("%+v, %v", who, err)
	}
	languages, err := c.Languages(ctx)
	if err != nil || len(languages) != 5 {
		t.Errorf("%v, %v", languages, err)
	}
	all, err := c.Runtimes(ctx)
	if err != nil || len(all) != 1 || !all[0].Available {
		t.Errorf("%v, %v", all, err)
	}
	session := create(t, c)
	r, err := c.Exec(ctx, session, client.WriteText("a", "hé"))
	if w, ok := r.Result.(*protocol.FileWritten); err != nil || !r.Success || !ok || w.Bytes != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	r, err = c.Exec(ctx, session, client.Read("a"))
	if f, ok := r.Result.(*protocol.FileContent); err != nil || !ok || f.Content != "hé" {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = c.Exec(ctx, session, client.Program("fail", "4"))
	if p, ok := r.Result.(*protocol.ProcessResult); err != nil || r.Success || !ok || *p.ExitCode != 4 || r.ErrorCode != "NonZeroExit" {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = c.Exec(ctx, session, client.Read("none"))
	if err != nil || r.Success || r.Result != nil || r.ErrorCode != "NotFound" {
		t.Errorf("%+v, %v", r, err)
	}
	page, err := c.List(ctx, protocol.SessionList{})
	if err != nil || page.Count != 1 || page.Sessions[0].ExecutionCount != 4 {
		t.Errorf("%+v, %v", page, err)
	}
	if err := c.CloseSession(ctx, session); err != nil {
		t.Error(err)
	}
	<-done
	if _, err := c.Get(ctx, session); !client.IsCode(err, protocol.SessionClosed) {
		t.Errorf("after its end: %v", err)
	}
	if !strings.Contains(strings.Join(events, " "), protocol.NotifyStateChanged) {
		t.Errorf("events: %v", events)
	}
}

func TestARefusalIsATypedErrorWithItsData(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	_, err := c.Create(t.Context(), protocol.SessionCreate{Language: "cobol"})
	var refused *jsonrpc.Error
	if !errors.As(err, &refused) || refused.Code != protocol.LanguageNotSupported {
		t.Fatalf("got %v", err)
	}
	if data := fmt.Sprintf("%s", refused.Data); !strings.Contains(data, `"python"`) {
		t.Errorf("data: %s", data)
	}
}

func TestAnExecutionDeliversItsOutputThenItsResult(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	const size = 5 << 20
	e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: client.Program("spill", fmt.Sprint(size))})
	var out, complaints bytes.Buffer
	for o, err := range e.Output() {
		if err != nil {
			t.Fatal(err)
		}
		if to := map[string]*bytes.Buffer{"stdout": &out, "stderr": &complaints}[o.Stream]; int64(to.Len()) != o.Offset {
			t.Fatalf("a gap in %s at %d", o.Stream, o.Offset)
		} else {
			to.Write(o.Data)
		}
	}
	r, err := e.Wait(t.Context())
	if err != nil || !r.Success || out.Len() != size || complaints.Len() != size {
		t.Errorf("%+v, %v, %d bytes, %d bytes", r, err, out.Len(), complaints.Len())
	}
	if p := r.Result.(*protocol.ProcessResult); !p.StdoutTruncated || len(p.Stdout) != 1<<20 {
		t.Errorf("stdout: %d bytes, truncated %v", len(p.Stdout), p.StdoutTruncated)
	}
}

func TestExecutionsOfOneSessionAreNotMixedUp(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	var all []*client.Execution
	for i := range 20 {
		all = append(all, startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("print", fmt.Sprint(i))}))
	}
	for i, e := range all {
		var got []byte
		for o, err := range e.Output() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Data...)
		}
		if r, err := e.Wait(t.Context()); err != nil || string(got) != fmt.Sprint(i) || r.Result.(*protocol.ProcessResult).Stdout != string(got) {
			t.Errorf("%d: %q, %+v, %v", i, got, r, err)
		}
	}
}

func TestASignalEndsAnExecutionWhoseIDIsKnown(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("trap"), Timeout: time.Hour})
	for o, err := range e.Output() {
		if err != nil || string(o.Data) != "ready\n" {
			t.Errorf("output %q, %v", o.Data, err)
		}
		break
	}
	if ok, err := c.Signal(t.Context(), session, e.ID(), "SIGTERM"); !ok || err != nil {
		t.Errorf("signal: %v, %v", ok, err)
	}
	if r, err := e.Wait(t.Context()); err != nil || !r.Success {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestACallEndsWithItsContextAndTheNextOneWorks(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	if _, err := c.Exec(ctx, session, client.Program("sleep", "200ms")); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if r, err := c.Exec(t.Context(), session, client.Program("true")); err != nil || !r.Success {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCallsOfAConnectionThatEndedFail(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("sleep", "1h")})
	waiting := make(chan error, 1)
	go func() { _, err := c.Exec(t.Context(), session, client.Program("true")); waiting <- err }()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	_, ofExecution := e.Wait(t.Context())
	_, ofCall := c.Initialize(t.Context())
	var closed *websocket.CloseError
	for name, err := range map[string]error{"waiting": <-waiting, "execution": ofExecution, "later": ofCall, "notify": c.Notify("x", nil), "why": c.Err()} {
		if !errors.Is(err, client.ErrClosed) || !errors.As(err, &closed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
