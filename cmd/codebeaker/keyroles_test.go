package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// command runs a command line of ours and returns what it prints.
func command(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, complaints bytes.Buffer
	root := newCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&complaints)
	err = root.ExecuteContext(t.Context())
	if err != nil {
		err = fmt.Errorf("%w %s", err, complaints.String())
	}
	return out.String(), err
}

// must runs a command line that succeeds.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := command(t, args...)
	if err != nil {
		t.Fatalf("codebeaker %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(out)
}

// A key made on the command line has on the server the role, the end and the
// limits that it was made with.
func TestKeysAreMadeWithRolesLimitsAndAnEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	admin := must(t, "keys", "add", "boss", "--keys-file", file, "--role", "admin")
	user := must(t, "keys", "add", "worker", "--keys-file", file, "--role", "user", "--expires", "30d", "--rate", "3", "--sessions", "1", "--memory-mb", "1000")
	list := must(t, "keys", "list", "--keys-file", file)
	for _, want := range []string{"ROLES", "EXPIRES", "admin", "never", "rate=3 sessions=1 memory-mb=1000", time.Now().AddDate(0, 0, 30).UTC().Format("2006-01-")} {
		if !strings.Contains(list, want) {
			t.Errorf("keys list has no %q:\n%s", want, list)
		}
	}
	p := startServer(t, "--runtimes", "fake", "--keys-file", file, "--key-cpus", "7")
	address := "http://" + p.listener.Addr().String()
	c, err := client.Dial(t.Context(), p.URL(), client.Options{Key: user})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"}); err != nil {
		t.Fatal(err)
	}
	var refused *client.RefusedError
	if _, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"}); !errors.As(err, &refused) || refused.Reply.Code != protocol.Busy {
		t.Errorf("a second session: %v", err)
	}
	usage := must(t, "usage", "--server", address, "--key", user)
	for _, want := range []string{"sessions          1     1\n", "memory (MB)       512   1000\n", "processors        1     7\n", "calls a second    3     3\n"} {
		if !strings.Contains(usage+"\n", want) {
			t.Errorf("usage has no %q:\n%s", want, usage)
		}
	}
	var wire protocol.KeyUsage
	if err := json.Unmarshal([]byte(must(t, "usage", "--json", "--server", address, "--key", user)), &wire); err != nil || wire.Sessions != 1 {
		t.Errorf("usage --json: %+v %v", wire, err)
	}
	if all := must(t, "sessions", "--server", address, "--key", admin); len(strings.Split(all, "\n")) != 2 {
		t.Errorf("what the admin sees:\n%s", all)
	}
	for key, want := range map[string]int{admin: 200, user: 403} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("/metrics answers %d, not %d", answer.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestWrongKeysAreNotMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	for flags, want := range map[string]string{
		"--role root":            `"root" is not a role`,
		"--expires yesterday":    "neither a time from now",
		"--expires 2020-01-01":   "it would have ended already",
		"--expires -1h":          "it would have ended already",
		"--rate much":            "invalid argument",
		"--role user,metrics,no": `"no" is not a role`,
	} {
		if _, err := command(t, append([]string{"keys", "add", "x", "--keys-file", file}, strings.Fields(flags)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", flags, err)
		}
	}
	if list := must(t, "keys", "list", "--keys-file", file); strings.Contains(list, "x ") {
		t.Errorf("something was made:\n%s", list)
	}
}
