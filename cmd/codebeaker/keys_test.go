package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keysRun runs `codebeaker keys …` on a data directory.
func keysRun(t *testing.T, dir string, args ...string) (out, says string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := keysCommand()
	cmd.SetArgs(append(args, "--data-dir", dir))
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("keys %v: %v", args, err)
	}
	return strings.TrimSpace(stdout.String()), stderr.String()
}

func rpcURL(p *Program) string { return "http://" + p.listener.Addr().String() + "/rpc" }

// `codebeaker keys remove` of the last key opened a server on loopback to
// everybody, the next one on the same directory as well.
func TestRemovingTheLastKeySaysWhatFollowsAndLocks(t *testing.T) {
	dir := shortTempDir(t)
	secret, _ := keysRun(t, dir, "add", "first")
	_, _ = keysRun(t, dir, "add", "second")
	list, _ := keysRun(t, dir, "list")
	var ids []string
	for _, line := range strings.Split(list, "\n")[1:] {
		ids = append(ids, strings.Fields(line)[0])
	}
	if len(ids) != 2 {
		t.Fatalf("list:\n%s", list)
	}
	if _, says := keysRun(t, dir, "remove", ids[1]); says != "" {
		t.Errorf("with a key left: %s", says)
	}
	if _, says := keysRun(t, dir, "remove", ids[0]); !strings.Contains(says, "last key") || !strings.Contains(says, "--no-keys") {
		t.Errorf("of the last key: %q", says)
	}
	p := openServer(t, dir, "--runtimes", "fake")
	serve(t, p)
	for _, key := range []string{"", secret} {
		if got := post(t, rpcURL(p), key); got != http.StatusUnauthorized {
			t.Errorf("key %.8q: %d", key, got)
		}
	}
}

func TestAKeysFileThatWasAskedForIsRequired(t *testing.T) {
	p := startServer(t, "--runtimes", "fake", "--keys-file", filepath.Join(t.TempDir(), "none-yet"))
	if got := post(t, rpcURL(p), ""); got != http.StatusUnauthorized {
		t.Errorf("got %d", got)
	}
}

func TestNoKeysIsTheOperatorsWord(t *testing.T) {
	dir := shortTempDir(t)
	if err := os.WriteFile(filepath.Join(dir, "keys"), nil, 0o600); err != nil { // the last one was removed
		t.Fatal(err)
	}
	p := openServer(t, dir, "--runtimes", "fake", "--no-keys", "--listen", "0.0.0.0:0", "--allow-host", "127.0.0.1")
	stop := run(p)
	_, port, _ := strings.Cut(p.listener.Addr().String(), "]:")
	if got := post(t, "http://127.0.0.1:"+port+"/rpc", ""); got != http.StatusOK {
		t.Errorf("with --no-keys: %d", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := load(t, "--no-keys", "--keys-file", "x"); err == nil || !strings.Contains(err.Error(), "no-keys") {
		t.Errorf("with a keys file: %v", err)
	}
	_, _ = keysRun(t, dir, "add", "first")
	c, err := load(t, "--data-dir", dir, "--listen", "127.0.0.1:0", "--runtimes", "fake", "--no-keys")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newProgram(context.Background(), c, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "has keys") {
		t.Errorf("with keys: %v", err)
	}
}
