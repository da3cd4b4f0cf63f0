package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/websocket"
)

// newKeys makes a keys file with one key.
func newKeys(t testing.TB) (keys *Keys, secret string, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keys")
	keys, err := OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err = keys.Add("first")
	if err != nil {
		t.Fatal(err)
	}
	return keys, secret, path
}

func TestKeysAreHashedAtRestAndFoundAgain(t *testing.T) {
	keys, secret, path := newKeys(t)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(file), secret) || strings.Contains(string(file), strings.TrimPrefix(secret, keyPrefix)) {
		t.Error("the key itself is in the file")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, err := OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := again.List()
	if err != nil || len(list) != 1 || list[0].Name != "first" {
		t.Fatalf("list: %v, %v", list, err)
	}
	if id, ok := again.Verify(secret); !ok || id != list[0].ID {
		t.Errorf("verify: %q, %v", id, ok)
	}
	for _, wrong := range []string{"", "x", secret + "x", secret[:len(secret)-1], list[0].SHA256} {
		if _, ok := keys.Verify(wrong); ok {
			t.Errorf("%q was accepted", wrong)
		}
	}
	if err := again.Remove(list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, ok := again.Verify(secret); ok {
		t.Error("a removed key was accepted")
	}
	if err := again.Remove(list[0].ID); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("second remove: %v", err)
	}
}

func TestKeysSeeWhatAnotherProcessChanged(t *testing.T) {
	keys, _, path := newKeys(t)
	other, err := OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err := other.Add("second")
	if err != nil {
		t.Fatal(err)
	}
	keys.mu.Lock()
	keys.checked = time.Time{} // a second has passed
	keys.mu.Unlock()
	if _, ok := keys.Verify(secret); !ok {
		t.Error("the key that another process added is not known")
	}
}

func TestAKeysFileThatIsNoneIsRefusedWithItsLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("{\"id\":\"a\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeys(path); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("got %v", err)
	}
}

func TestAPublicAddressWithoutKeysIsRefused(t *testing.T) {
	keys, _, _ := newKeys(t)
	for _, c := range []struct {
		addr string
		keys *Keys
		ok   bool
	}{
		{"127.0.0.1:5039", nil, true}, {"127.8.8.8:0", nil, true}, {"[::1]:5039", nil, true}, {"localhost:5039", nil, true},
		{"0.0.0.0:5039", nil, false}, {":5039", nil, false}, {"[::]:5039", nil, false}, {"192.0.2.1:5039", nil, false},
		{"example.org:5039", nil, false}, {"127.0.0.1.example.org:1", nil, false},
		{"0.0.0.0:5039", keys, true}, {":5039", keys, true}, {"no-port", keys, false},
	} {
		if err := CheckListen(c.addr, c.keys); (err == nil) != c.ok {
			t.Errorf("%s with keys %v: %v", c.addr, c.keys != nil, err)
		}
	}
	s, err := New(Options{Registry: newWorld(t, setup{}).server.registry})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(context.Background(), l); err == nil || !strings.Contains(err.Error(), "keys") {
		t.Errorf("serve on every address: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

func TestWithKeysEveryDoorAsksForOne(t *testing.T) {
	keys, secret, _ := newKeys(t)
	w := newWorld(t, setup{options: Options{Keys: keys}})
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
	p := w.dial(websocket.DialOptions{Protocols: []string{"codebeaker", bearerProtocol + secret}})
	if p.conn.Protocol() != "codebeaker" {
		t.Errorf("answered subprotocol %q", p.conn.Protocol())
	}
	q := w.dial(websocket.DialOptions{Protocols: []string{bearerProtocol + secret}})
	if q.conn.Protocol() != bearerProtocol+secret {
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

func TestAKeyInTheQueryStringIsRefusedAndNotLogged(t *testing.T) {
	keys, secret, _ := newKeys(t)
	w := newWorld(t, setup{options: Options{Keys: keys}})
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
	w := newWorld(t, setup{options: Options{Keys: keys}})
	owner := w.dial(websocket.DialOptions{Protocols: []string{bearerProtocol + first}})
	stranger := w.dial(websocket.DialOptions{Protocols: []string{bearerProtocol + second}})
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
