package rpc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// post sends a body to /rpc and returns status and body of the answer.
func (w *world) post(t testing.TB, body string) (status int, answer string) {
	t.Helper()
	return w.do(t, http.MethodPost, "/rpc", body, nil)
}

// do makes a request without keeping the connection.
func (w *world) do(t testing.TB, method, path, body string, header map[string]string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestHealthSaysAliveAndReadyUnderAllItsNames(t *testing.T) {
	var broken, short atomic.Bool
	w := newWorld(t, setup{server: transport.Options{Version: "1.2.3", Ready: func() error {
		if broken.Load() {
			return errors.New("disk full at /secret/path")
		}
		if short.Load() {
			return fmt.Errorf("look: %w", transport.NotReady("3 descriptors are left"))
		}
		return nil
	}}})
	for _, path := range []string{"/healthz", "/health", "/health/live", "/health/startup", "/readyz", "/health/ready"} {
		status, body := w.do(t, http.MethodGet, path, "", nil)
		if status != 200 || !strings.Contains(body, `"version":"1.2.3"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	short.Store(true)
	if status, body := w.do(t, http.MethodGet, "/readyz", "", nil); status != 503 || !strings.Contains(body, "3 descriptors are left") {
		t.Errorf("for a reason that may be told: %d %s", status, body)
	}
	short.Store(false)
	broken.Store(true)
	status, body := w.do(t, http.MethodGet, "/readyz", "", nil)
	if status != 503 || strings.Contains(body, "secret") || !strings.Contains(w.log.String(), "disk full") {
		t.Errorf("not ready: %d %s", status, body)
	}
	if status, _ := w.do(t, http.MethodGet, "/healthz", "", nil); status != 200 {
		t.Errorf("alive all the same: %d", status)
	}
	w.server.Drain()
	for _, path := range []string{"/readyz", "/health/ready"} {
		if status, body := w.do(t, http.MethodGet, path, "", nil); status != 503 || !strings.Contains(body, "shutting down") {
			t.Errorf("draining: %s: %d %s", path, status, body)
		}
	}
	if _, body := w.post(t, `{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"go"}}`); !strings.Contains(body, "-32011") {
		t.Errorf("create while draining: %s", body)
	}
}

func TestAServerWithoutAnyRuntimeIsNotReady(t *testing.T) {
	w := newWorld(t, setup{types: []runtimes.Type{}})
	if status, body := w.do(t, http.MethodGet, "/readyz", "", nil); status != 503 || !strings.Contains(body, "no runtime") {
		t.Errorf("%d %s", status, body)
	}
	if _, body := w.post(t, `{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"go"}}`); !strings.Contains(body, "-32004") {
		t.Errorf("create: %s", body)
	}
}

func TestABodyOverTheMessageSizeIsRefusedWithTheLimit(t *testing.T) {
	w := newWorld(t, setup{door: Options{WebSocket: websocket.Options{MessageBytes: 1 << 10}}})
	status, body := w.post(t, strings.Repeat(" ", 1<<10+1))
	if status != 413 || !strings.Contains(body, "-32010") || !strings.Contains(body, `"limit":1024`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := w.post(t, `{"jsonrpc":"2.0","id":1,"method":"initialize"}`+strings.Repeat(" ", 900)); status != 200 {
		t.Errorf("at the limit: %d %s", status, body)
	}
}

func TestOtherMethodsAndPathsAreNotServed(t *testing.T) {
	w := newWorld(t, setup{})
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/rpc", 405}, {"PUT", "/rpc", 405}, {"POST", "/metrics", 405}, {"GET", "/", 404}, {"GET", "/debug/pprof/", 404},
		{"GET", "/ws/jsonrpc", 426}, {"POST", "/ws/jsonrpc", 405},
	} {
		if status, _ := w.do(t, c.method, c.path, "", nil); status != c.status {
			t.Errorf("%s %s: %d", c.method, c.path, status)
		}
	}
}

func TestFloodsOfHeadersGet431(t *testing.T) {
	w := newWorld(t, setup{})
	var many strings.Builder
	for range 10_000 {
		many.WriteString("a:b\r\n")
	}
	for name, headers := range map[string]string{"large": "X: " + strings.Repeat("x", 1<<20) + "\r\n", "many": many.String()} {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() { _, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"+headers+"\r\n") }()
		answer := make([]byte, 64)
		n, err := io.ReadAtLeast(c, answer, 12)
		if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 431") {
			t.Errorf("%s: %q, %v", name, answer[:n], err)
		}
	}
}

func TestAHalfSentRequestIsCut(t *testing.T) {
	w := newWorld(t, setup{server: transport.Options{HeaderTimeout: 200 * time.Millisecond}})
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /ws/jsonrpc HTTP/1.1\r\nHost: loc"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestMetricsTellWhatHappened(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	p.ask(execute(1, session, `{"type":"execute_shell","commandName":"fail","args":["1"]}`, ""))
	p.ask(execute(2, session, `{"type":"read_file","path":"none"}`, ""))
	p.ask(`{"jsonrpc":"2.0","id":3,"method":"session.get","params":{"sessionId":"none"}}`)
	p.ask(`no json`)
	_, body := w.do(t, http.MethodGet, "/metrics", "", nil)
	for _, line := range []string{
		`codebeaker_sessions{runtime="Native"} 1`,
		`codebeaker_executions_total{command="execute_shell",runtime="Native",status="NonZeroExit"} 1`,
		`codebeaker_executions_total{command="read_file",runtime="Native",status="NotFound"} 1`,
		`codebeaker_environment_creation_seconds_count{runtime="Native"} 1`,
		`codebeaker_command_seconds_count{command="read_file",runtime="Native"} 1`,
		`codebeaker_requests_total{code="0",method="session.create"} 1`,
		`codebeaker_requests_total{code="-32001",method="session.get"} 1`,
		`codebeaker_invalid_requests_total{code="-32700"} 1`,
		`codebeaker_output_memory_bytes 0`, `codebeaker_output_memory_dropped_bytes_total 0`, `codebeaker_executions_forgotten_total 0`,
		`codebeaker_connections 1`, `codebeaker_queued_commands 0`, `go_memstats_heap_alloc_bytes `, `process_resident_memory_bytes `,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("%s is not there", line)
		}
	}
}

// tryPost posts and reports whether there was an answer.
func (w *world) tryPost(body string) bool {
	r, err := http.NewRequest(http.MethodPost, "http://"+w.addr+"/rpc", strings.NewReader(body))
	if err != nil {
		return false
	}
	r.Close = true
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil
}
