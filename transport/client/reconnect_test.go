package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

func TestACallWaitsForTheNextConnection(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	c := dial(t, p.url, client.Options{Redial: quick})
	session := create(t, c)
	p.setDown(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, session); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is down: %v", err)
	}
	done := make(chan error, 1)
	go func() { _, err := c.Get(t.Context(), session); done <- err }()
	p.setDown(false)
	if err := <-done; err != nil {
		t.Errorf("when it is up: %v", err)
	}
	if r, err := c.Exec(t.Context(), session, client.Program("true")); err != nil || !r.Success {
		t.Errorf("an execute that was not sent before: %+v, %v", r, err)
	}
}

// A wait is asked again; a command is not run again.
func TestACallInFlightIsRepeatedOnlyWhenThatIsTheSame(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	c := dial(t, p.url, client.Options{Redial: quick})
	session := create(t, c)
	started, err := c.Execute(t.Context(), client.Execute{SessionID: session, Command: client.Program("trap"), Background: true})
	if err != nil {
		t.Fatal(err)
	}
	execution := started.ExecutionID
	waited := make(chan error, 1)
	go func() {
		var r protocol.ExecutionWaited
		err := c.Call(t.Context(), protocol.MethodExecutionWait, &protocol.ExecutionWait{SessionID: session, ExecutionID: execution}, &r)
		if err == nil && r.State != "Completed" {
			err = errors.New(r.State)
		}
		waited <- err
	}()
	executed := make(chan error, 1)
	go func() { _, err := c.Exec(t.Context(), session, client.Program("trap")); executed <- err }()
	other := dial(t, serveURL(p), client.Options{})
	eventually(t, func() bool {
		list, err := other.Executions(t.Context(), session)
		return err == nil && len(list) == 2 && list[1].State == "Running"
	})
	p.cut()
	if err := <-executed; !errors.Is(err, client.ErrConnectionLost) {
		t.Errorf("execute: %v", err)
	}
	if list, err := c.Executions(t.Context(), session); err != nil || len(list) != 2 {
		t.Errorf("%d executions, %v", len(list), err)
	}
	if ok, err := c.Signal(t.Context(), session, execution, "SIGTERM"); !ok || err != nil {
		t.Error(ok, err)
	}
	if err := <-waited; err != nil {
		t.Errorf("wait: %v", err)
	}
}

// serveURL is the address behind the proxy.
func serveURL(p *proxy) string { return "ws://" + p.target + "/ws/jsonrpc" }

// eventually polls for what happens elsewhere.
func eventually(t *testing.T, check func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !check(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not happen")
		}
	}
}

// A create whose answer is lost is repeated and makes one session.
func TestACreateWhoseAnswerIsLostMakesOneSession(t *testing.T) {
	url := serve(t)
	for down := 1; down < 900; down += 37 {
		first := true
		p := newProxy(t, url, func() (int, int) {
			if first {
				first = false
				return -1, 130 + down // behind the handshake
			}
			return -1, -1
		})
		c := dialThrough(t, p.url, client.Options{Redial: quick})
		s, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"})
		if err != nil {
			t.Fatal(err)
		}
		other := dial(t, url, client.Options{})
		if err := c.CloseSession(t.Context(), s.SessionID); err != nil {
			t.Error(err)
		}
		// One whose client had left before it was made ends by itself.
		eventually(t, func() bool {
			page, err := other.List(t.Context(), protocol.SessionList{})
			return err == nil && page.Count == 0
		})
	}
}

func TestSessionsAreAttachedAgainAndThoseThatEndedAreNamed(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	closed := make(chan string, 1)
	told := make(chan map[string]error, 1)
	c := dial(t, p.url, client.Options{
		Redial: quick,
		OnNotification: func(method string, params jsonrpc.Raw) {
			if method == protocol.NotifyClosed {
				closed <- string(params)
			}
		},
		OnReconnect: func(gone map[string]error) { told <- gone },
	})
	stays, goes := create(t, c), create(t, c)
	other := dial(t, serveURL(p), client.Options{})
	p.setDown(true)
	if err := other.CloseSession(t.Context(), goes); err != nil {
		t.Fatal(err)
	}
	p.setDown(false)
	if gone := <-told; len(gone) != 1 || !errors.Is(gone[goes], client.ErrSessionClosed) && !errors.Is(gone[goes], client.ErrSessionNotFound) {
		t.Errorf("gone: %v", gone)
	}
	if err := other.CloseSession(t.Context(), stays); err != nil {
		t.Fatal(err)
	}
	if params := <-closed; !strings.Contains(params, stays) {
		t.Errorf("told of %s", params)
	}
	p.cut()
	if gone := <-told; len(gone) != 0 {
		t.Errorf("a session that was told closed is attached again: %v", gone)
	}
}

func TestAKeyThatIsRemovedEndsTheClientAtOnce(t *testing.T) {
	keys, err := transport.OpenKeys(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	secret, key, err := keys.Add("tester")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := keys.Add("other"); err != nil { // without keys none is asked for
		t.Fatal(err)
	}
	url := serveWith(t, setup{keys: keys, programs: map[string]fake.Program{}})
	for _, wrong := range []string{"", "wrong"} {
		_, err := client.Dial(t.Context(), url, client.Options{Key: wrong})
		var refused *websocket.HandshakeError
		if !errors.Is(err, client.ErrUnauthorized) || !errors.As(err, &refused) || refused.Status != 401 {
			t.Errorf("key %q: %v", wrong, err)
		}
	}
	p := newProxy(t, url, nil)
	c := dial(t, p.url, client.Options{Key: secret, Redial: client.Redial{GiveUp: -1}})
	session := create(t, c)
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("trap")})
	if err := keys.Remove(key.ID); err != nil {
		t.Fatal(err)
	}
	p.cut()
	<-c.Done()
	if err := c.Err(); !errors.Is(err, client.ErrUnauthorized) || !errors.Is(err, client.ErrClosed) {
		t.Errorf("the client: %v", err)
	}
	if _, err := c.Get(t.Context(), session); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("a call: %v", err)
	}
	if _, err := e.Wait(t.Context()); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("the execution: %v", err)
	}
}

func TestAForbiddenHandshakeIsNotRepeated(t *testing.T) {
	var mu sync.Mutex
	tries, status := 0, http.StatusForbidden
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		tries++
		w.WriteHeader(status)
	}))
	defer server.Close()
	p := newProxy(t, serve(t), nil)
	c := dial(t, p.url, client.Options{Redial: client.Redial{First: time.Millisecond, Max: time.Millisecond, GiveUp: 100 * time.Millisecond}})
	p.mu.Lock()
	p.target = server.Listener.Addr().String()
	p.mu.Unlock()
	p.cut()
	<-c.Done()
	mu.Lock()
	defer mu.Unlock()
	if tries != 1 {
		t.Errorf("%d attempts", tries)
	}
}

func TestAClientGivesUpAfterItsTime(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	c := dial(t, p.url, client.Options{Redial: client.Redial{First: time.Millisecond, Max: 5 * time.Millisecond, GiveUp: 50 * time.Millisecond}})
	session := create(t, c)
	e := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("trap")})
	p.setDown(true)
	if _, err := e.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "no connection for 50ms") {
		t.Errorf("the execution: %v", err)
	}
	if _, err := c.Get(t.Context(), session); !errors.Is(err, client.ErrClosed) || !strings.Contains(err.Error(), "no connection for 50ms") {
		t.Errorf("a call: %v", err)
	}
}

func TestWithoutRedialAClientEndsWithItsConnection(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	c := dial(t, p.url, client.Options{Redial: client.Redial{Off: true}})
	e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: client.Program("trap")})
	p.cut()
	<-c.Done()
	if err := c.Err(); !errors.Is(err, client.ErrClosed) {
		t.Errorf("the client: %v", err)
	}
	if _, err := e.Wait(t.Context()); !errors.Is(err, client.ErrConnectionLost) {
		t.Errorf("the execution: %v", err)
	}
}

// A server that stops closes with 1001; the client finds the next one.
func TestAClientFindsTheServerThatCameAfter(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	c := dial(t, p.url, client.Options{Redial: quick})
	create(t, c)
	next := serve(t)
	p.mu.Lock()
	p.target = strings.TrimSuffix(strings.TrimPrefix(next, "ws://"), "/ws/jsonrpc")
	p.mu.Unlock()
	p.cut()
	create(t, c)
	if page, err := c.List(t.Context(), protocol.SessionList{}); err != nil || page.Count != 1 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestCloseDoesNotWaitForAServerThatIsAway(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	c := dial(t, p.url, client.Options{})
	e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: client.Program("trap")})
	p.setDown(true)
	begin := time.Now()
	_ = c.Close()
	_ = c.Close()
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := e.Wait(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("the execution: %v", err)
	}
	if _, err := c.Start(t.Context(), client.Execute{SessionID: "s", Command: client.Program("true")}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("a start: %v", err)
	}
}

func TestNobodyAnswersIsAnErrorOfDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if _, err := client.Dial(t.Context(), "ws://"+l.Addr().String(), client.Options{}); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}
