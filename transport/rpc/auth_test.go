package rpc

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// newKeys makes a keys file with one key.
func newKeys(t testing.TB) (keys *transport.Keys, secret string, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keys")
	keys, err := transport.OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err = keys.Add("first")
	if err != nil {
		t.Fatal(err)
	}
	return keys, secret, path
}

func TestWithKeysEveryDoorAsksForOne(t *testing.T) {
	keys, secret, _ := newKeys(t)
	w := newWorld(t, setup{server: transport.Options{Keys: keys}})
	const body = `{"jsonrpc":"2.0","id":1,"method":"initialize"}`
	for name, header := range map[string]map[string]string{
		"none": nil, "wrong": {"Authorization": "Bearer x"}, "empty": {"Authorization": "Bearer "}, "basic": {"Authorization": "Basic " + secret},
	} {
		status, answer := w.do(t, http.MethodPost, "/rpc", body, header)
		if status != 401 || !strings.Contains(answer, `-32007`) || !strings.Contains(answer, `"id":null`) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		if status, _ := w.do(t, http.MethodGet, "/metrics", "", header); status != 401 {
			t.Errorf("metrics, %s: %d", name, status)
		}
		var refused *websocket.HandshakeError
		if _, err := websocket.Dial(t.Context(), "ws://"+w.addr+"/ws/jsonrpc", websocket.DialOptions{Header: headers(header)}); !errors.As(err, &refused) || refused.Status != 401 {
			t.Errorf("websocket, %s: %v", name, err)
		}
	}
	bearer := map[string]string{"Authorization": "bearer " + secret}
	if status, answer := w.do(t, http.MethodPost, "/rpc", body, bearer); status != 200 || !strings.Contains(answer, "serverInfo") {
		t.Errorf("with key: %d %s", status, answer)
	}
	if status, _ := w.do(t, http.MethodGet, "/healthz", "", nil); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	w.dial(websocket.DialOptions{Header: headers(bearer)}).ask(body)
	p := w.dial(websocket.DialOptions{Protocols: []string{"codebeaker", transport.BearerProtocol + secret}})
	if p.conn.Protocol() != "codebeaker" {
		t.Errorf("answered subprotocol %q", p.conn.Protocol())
	}
	q := w.dial(websocket.DialOptions{Protocols: []string{transport.BearerProtocol + secret}})
	if q.conn.Protocol() != transport.BearerProtocol+secret {
		t.Errorf("answered subprotocol %q", q.conn.Protocol())
	}
	if strings.Contains(w.log.String(), secret) {
		t.Error("the key is in the log")
	}
}

func headers(m map[string]string) http.Header {
	h := http.Header{}
	for name, value := range m {
		h.Set(name, value)
	}
	return h
}

// A server whose last key was removed, or whose file went, let everybody in on
// loopback, whoever held the removed key among them.
func TestAServerThatHadKeysStaysLocked(t *testing.T) {
	const body = `{"jsonrpc":"2.0","id":1,"method":"initialize"}`
	for name, lose := range map[string]func(t *testing.T, keys *transport.Keys, path string) error{
		"the last key removed": func(t *testing.T, keys *transport.Keys, _ string) error {
			list, err := keys.List()
			if err != nil || len(list) != 1 {
				t.Fatalf("%v, %v", list, err)
			}
			return keys.Remove(list[0].ID)
		},
		"the file deleted": func(_ *testing.T, _ *transport.Keys, path string) error { return os.Remove(path) },
		"the file emptied": func(_ *testing.T, _ *transport.Keys, path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			keys, secret, path := newKeys(t)
			w := newWorld(t, setup{server: transport.Options{Keys: keys}})
			bearer := map[string]string{"Authorization": "Bearer " + secret}
			p := w.dial(websocket.DialOptions{Header: headers(bearer)})
			p.ask(body)
			if err := lose(t, keys, path); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				if status, _ := w.do(t, http.MethodPost, "/rpc", body, bearer); status == 401 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("the key is let in after 10 s")
				}
			}
			for _, header := range []map[string]string{nil, bearer} {
				for _, path := range []string{"/rpc", "/metrics"} {
					method := map[string]string{"/rpc": http.MethodPost, "/metrics": http.MethodGet}[path]
					if status, _ := w.do(t, method, path, body, header); status != 401 {
						t.Errorf("%s with %v: %d", path, header, status)
					}
				}
			}
			p.send(body)
			if err := p.closeError(); err == nil || err.Code != websocket.CodePolicy {
				t.Errorf("the connection: %v", err)
			}

			// One who starts it again on what is left finds it locked, too.
			again, err := transport.OpenKeys(path)
			if err != nil {
				t.Fatal(err)
			}
			if want := name != "the file deleted"; again.Required() != want {
				t.Errorf("after another start a key is required: %v", !want)
			}
		})
	}
}

func TestTheFirstKeyLocksAServerThatHadNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	keys, err := transport.OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, setup{server: transport.Options{Keys: keys}})
	const body = `{"jsonrpc":"2.0","id":1,"method":"initialize"}`
	p := w.dial(websocket.DialOptions{})
	p.ask(body)
	secret, _, err := keys.Add("first")
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := w.do(t, http.MethodPost, "/rpc", body, nil); status != 401 {
		t.Errorf("without a key: %d", status)
	}
	p.send(body)
	if err := p.closeError(); err == nil || err.Code != websocket.CodePolicy {
		t.Errorf("the connection: %v", err)
	}
	if status, _ := w.do(t, http.MethodPost, "/rpc", body, map[string]string{"Authorization": "Bearer " + secret}); status != 200 {
		t.Errorf("with the key: %d", status)
	}
}

func TestWithoutKeysByTheOperatorsWordEverybodyIsIn(t *testing.T) {
	keys, _, _ := newKeys(t)
	w := newWorld(t, setup{server: transport.Options{Keys: keys, NoKeys: true}})
	if status, _ := w.do(t, http.MethodPost, "/rpc", `{"jsonrpc":"2.0","id":1,"method":"initialize"}`, nil); status != 200 {
		t.Errorf("got %d", status)
	}
}

func TestABearerHasOneBlank(t *testing.T) {
	keys, secret, _ := newKeys(t)
	w := newWorld(t, setup{server: transport.Options{Keys: keys}})
	for header, want := range map[string]int{
		"Bearer " + secret: 200, "BEARER " + secret: 200, "Bearer  " + secret: 401, "Bearer \t" + secret: 401, "Bearer\t" + secret: 401, "Bearer" + secret: 401,
	} {
		if status, _ := w.do(t, http.MethodPost, "/rpc", `{"jsonrpc":"2.0","id":1,"method":"initialize"}`, map[string]string{"Authorization": header}); status != want {
			t.Errorf("%q: %d, want %d", strings.ReplaceAll(header, secret, "KEY"), status, want)
		}
	}
}

func TestAKeyInTheQueryStringIsRefusedAndNotLogged(t *testing.T) {
	keys, secret, _ := newKeys(t)
	w := newWorld(t, setup{server: transport.Options{Keys: keys}})
	for _, name := range []string{"key", "token", "access_token", "API_KEY"} {
		status, answer := w.do(t, http.MethodPost, "/rpc?"+name+"="+secret, `{}`, map[string]string{"Authorization": "Bearer " + secret})
		if status != 401 || strings.Contains(answer, secret) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if strings.Contains(w.log.String(), secret) {
		t.Error("the key is in the log")
	}
}

func TestASessionOfAnotherKeyDoesNotExist(t *testing.T) {
	keys, first, _ := newKeys(t)
	second, _, err := keys.Add("second")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, setup{server: transport.Options{Keys: keys}})
	owner := w.dial(websocket.DialOptions{Protocols: []string{transport.BearerProtocol + first}})
	stranger := w.dial(websocket.DialOptions{Protocols: []string{transport.BearerProtocol + second}})
	id := owner.create(`{"language":"python","clientToken":"shared"}`)
	for _, call := range []string{
		`"session.get","params":{"sessionId":"ID"}`, `"session.attach","params":{"sessionId":"ID"}`, `"session.detach","params":{"sessionId":"ID"}`,
		`"session.extend","params":{"sessionId":"ID"}`, `"execution.list","params":{"sessionId":"ID"}`,
		`"execution.attach","params":{"sessionId":"ID","executionId":"x"}`, `"execution.detach","params":{"sessionId":"ID","executionId":"x"}`,
		`"execution.wait","params":{"sessionId":"ID","executionId":"x"}`, `"execution.input","params":{"sessionId":"ID","executionId":"x"}`,
		`"execution.signal","params":{"sessionId":"ID","executionId":"x","signal":"INT"}`,
		`"execution.resize","params":{"sessionId":"ID","executionId":"x","cols":1,"rows":1}`,
		`"session.execute","params":{"sessionId":"ID","command":{"type":"read_file","path":"x"}}`,
		`"session.close","params":{"sessionId":"ID"}`,
	} {
		ask := func(session string) string {
			message := `{"jsonrpc":"2.0","id":1,"method":` + strings.ReplaceAll(call, "ID", session) + `}`
			return strings.ReplaceAll(stranger.ask(message), session, "ID")
		}
		if theirs, unknown := ask(id), ask("n1.00000000000000000000000000"); theirs != unknown {
			t.Errorf("%s:\nanother key's %s\nunknown       %s", call, theirs, unknown)
		}
	}
	if got := owner.ask(`{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"sessionId":"` + id + `"}}`); !strings.Contains(got, `"state":"Active"`) {
		t.Errorf("the owner's session: %s", got)
	}
	if got := stranger.ask(`{"jsonrpc":"2.0","id":1,"method":"session.list"}`); !strings.Contains(got, `"count":0`) {
		t.Errorf("list: %s", got)
	}
	if mine := stranger.create(`{"language":"python","clientToken":"shared"}`); mine == id {
		t.Error("another key's clientToken led to the session")
	}
}
