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

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// noSessions are those of a machine without runtimes.
func noSessions(t testing.TB) *sessions.Local {
	t.Helper()
	registry := runtimes.NewRegistry()
	system := actors.NewSystem(actors.Options{Registry: registry})
	t.Cleanup(func() { _ = system.Shutdown(context.Background()) })
	local, err := sessions.New(sessions.Options{System: system, Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	return local
}

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
		if err := CheckListen(c.addr, c.keys, false); (err == nil) != c.ok {
			t.Errorf("%s with keys %v: %v", c.addr, c.keys != nil, err)
		}
	}
	if err := CheckListen("0.0.0.0:5039", nil, true); err != nil {
		t.Errorf("with --no-keys: %v", err)
	}
	w := New(Options{Sessions: noSessions(t)})
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Serve(context.Background(), l); err == nil || !strings.Contains(err.Error(), "keys") {
		t.Errorf("serve on every address: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

func TestOnAPublicAddressOnlyItsOwnNamesAreHosts(t *testing.T) {
	g := newOriginGuard(nil, nil)
	g.own = "beaver"
	at := func(local, host string) bool {
		addr, err := net.ResolveTCPAddr("tcp", local)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(addr))
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		return g.allowsHost(r)
	}
	for _, c := range []struct {
		local, host string
		allowed     bool
	}{
		{"192.0.2.7:5039", "192.0.2.7:5039", true}, {"192.0.2.7:5039", "192.0.2.8:5039", false},
		{"192.0.2.7:5039", "beaver:5039", true}, {"192.0.2.7:5039", "BEAVER", true}, {"192.0.2.7:5039", "beaver.evil.example", false},
		{"192.0.2.7:5039", "localhost", false}, {"[2001:db8::7]:1", "[2001:db8::7]:1", true}, {"127.0.0.1:1", "beaver", false},
	} {
		if got := at(c.local, c.host); got != c.allowed {
			t.Errorf("%s at %s: %v", c.host, c.local, got)
		}
	}
}

func TestHeadersHaveFiveSeconds(t *testing.T) {
	if d := New(Options{Sessions: noSessions(t)}).http.ReadHeaderTimeout; d != 5*time.Second {
		t.Errorf("headers may take %v", d)
	}
}
