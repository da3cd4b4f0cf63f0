package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/audit"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// records are those of an audit log, by `codebeaker audit --json`.
func records(t *testing.T, file string, filter ...string) (all []audit.Record) {
	t.Helper()
	for line := range strings.Lines(must(t, append([]string{"audit", "--json", "--audit-log", file}, filter...)...)) {
		var r audit.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// dialKey is a client of a server.
func dialKey(t *testing.T, p *Program, key string) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), p.URL(), client.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// do runs a command of a session.
func do(t *testing.T, c *client.Client, session string, command any, more map[string]any) (protocol.ExecuteResult, error) {
	t.Helper()
	params := map[string]any{"sessionId": session, "command": command}
	for name, v := range more {
		params[name] = v
	}
	var r protocol.ExecuteResult
	err := c.Call(t.Context(), protocol.MethodSessionExecute, params, &r)
	return r, err
}

// Everything that the log is for is in it, once, with its outcome and without its
// content; and the record is there when the answer is.
func TestWhatClientsDoIsInTheAuditLog(t *testing.T) {
	for _, sync := range []string{"--audit-sync=false", "--audit-sync=true"} {
		t.Run(sync, func(t *testing.T) {
			dir := t.TempDir()
			file, keys := filepath.Join(dir, "log", "audit.jsonl"), filepath.Join(dir, "keys")
			key := must(t, "keys", "add", "first", "--keys-file", keys, "--creates", "0.001")
			p := startServer(t, "--runtimes", "fake", "--keys-file", keys, "--audit-log", file, sync)
			c := dialKey(t, p, key)
			s, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"})
			if err != nil {
				t.Fatal(err)
			}
			if sync == "--audit-sync=true" {
				if got := records(t, file, "--event", "create"); len(got) != 1 || got[0].Session != s.SessionID {
					t.Errorf("when the create is answered: %+v", got)
				}
			}
			if _, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"}); err == nil {
				t.Error("the second create is within the rate")
			}
			const secret = "not-for-the-log"
			for _, command := range []map[string]any{
				{"type": "execute_shell", "commandName": "print", "args": []string{secret}},
				{"type": "execute_shell", "commandName": "no-such-program"},
				{"type": "write_file", "path": "a.txt", "content": secret},
				{"type": "read_file", "path": "a.txt"},
				{"type": "read_file", "path": "b.txt"},
				{"type": "move_file", "sourcePath": "a.txt", "destinationPath": "c.txt"},
			} {
				if _, err := do(t, c, s.SessionID, command, nil); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := do(t, c, s.SessionID, map[string]any{"type": "execute_shell", "commandName": "print", "args": []string{"x"}}, map[string]any{"background": true}); err != nil {
				t.Fatal(err)
			}
			if status := post(t, rpcURL(p), "cb_wrong"); status != http.StatusUnauthorized {
				t.Errorf("a wrong key: %d", status)
			}
			must(t, "keys", "add", "second", "--keys-file", keys)
			waitFor(t, "the new key and the end of the program", func() bool {
				return len(records(t, file, "--event", "keyAdded,executeEnded")) == 2
			})
			if err := c.CloseSession(t.Context(), s.SessionID); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the close", func() bool { return len(records(t, file, "--event", "close")) == 1 })

			type line struct{ event, what, outcome string }
			var got []line
			for _, r := range records(t, file, "--session", s.SessionID) {
				what := r.Program + r.Path
				if r.Destination != "" {
					what += " " + r.Destination
				}
				got = append(got, line{r.Event, what, r.Outcome})
				if r.Key == "" || r.Address != "127.0.0.1" {
					t.Errorf("%+v does not say who", r)
				}
			}
			for _, want := range []line{
				{"create", "", "Completed"}, {"execute", "print", "Completed"}, {"execute", "no-such-program", "CouldNotStart"},
				{"file", "a.txt", "Completed"}, {"file", "a.txt", "Completed"}, {"file", "b.txt", "NotFound"},
				{"file", "a.txt c.txt", "Completed"}, {"execute", "print", "Running"}, {"executeEnded", "print", "Completed"}, {"close", "", "Completed"},
			} {
				at := slices.Index(got, want)
				if at < 0 {
					t.Errorf("there is no %v", want)
					continue
				}
				got = slices.Delete(got, at, at+1)
			}
			if len(got) > 0 {
				t.Errorf("besides: %v", got)
			}
			all := records(t, file)
			for event, want := range map[string]string{"refused": "RateLimited", "unauthorized": "Unauthorized", "serverStarted": ""} {
				if n := slices.IndexFunc(all, func(r audit.Record) bool { return r.Event == event && r.Outcome == want }); n < 0 {
					t.Errorf("no record of %s", event)
				}
			}
			print := all[slices.IndexFunc(all, func(r audit.Record) bool { return r.Program == "print" })]
			if print.Type != "execute_shell" || print.Args != 1 || print.StdoutBytes < int64(len(secret)) || print.ExitCode == nil || *print.ExitCode != 0 || print.Execution == "" {
				t.Errorf("%+v", print)
			}
			whole, err := os.ReadFile(file)
			if err != nil || strings.Contains(string(whole), secret) || strings.Contains(string(whole), key) {
				t.Errorf("content or a key is in the log, or: %v", err)
			}
			if got := must(t, "audit", "verify", "--audit-log", file); !strings.Contains(got, "in 1 files, from 1 to") {
				t.Error(got)
			}
			if table := must(t, "audit", "--audit-log", file, "--event", "execute", "--since", "1h"); !strings.Contains(table, "no-such-program execute_shell") || strings.Contains(table, "a.txt") {
				t.Errorf("the table:\n%s", table)
			}
			if got := records(t, file, "--until", "1h"); len(got) != 0 {
				t.Errorf("of an hour ago: %v", got)
			}
		})
	}
}

// waitFor waits for what happens a moment later.
func waitFor(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !there(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come within 15 s", what)
		}
	}
}

// With --audit-sync nothing changes that cannot be recorded; without it the
// server goes on. Both say so in /readyz, and get over it.
func TestAnAuditLogThatCannotBeWritten(t *testing.T) {
	for _, sync := range []bool{true, false} {
		t.Run(map[bool]string{true: "sync", false: "plain"}[sync], func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "log")
			file := filepath.Join(dir, "audit.jsonl")
			p := startServer(t, "--runtimes", "fake", "--audit-log", file, map[bool]string{true: "--audit-sync=true", false: "--audit-sync=false"}[sync])
			c := dialKey(t, p, "")
			s, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			p.audit.Reopen()
			write := map[string]any{"type": "write_file", "path": "a", "content": "x"}
			_, _ = do(t, c, s.SessionID, write, nil) // may be the one at which it is found out
			waitFor(t, "the server's notice", func() bool { return p.audit.Err() != nil })
			refusedByLog := func(err error) bool {
				var refused *client.RefusedError
				return errors.As(err, &refused) && refused.Reply.Code == protocol.Busy && strings.Contains(refused.Reply.Message, "audit log")
			}
			if _, err := do(t, c, s.SessionID, write, nil); refusedByLog(err) != sync {
				t.Errorf("a write: %v", err)
			}
			if err := c.Call(t.Context(), protocol.MethodSessionCreate, map[string]any{"language": "python"}, nil); refusedByLog(err) != sync {
				t.Errorf("a create: %v", err)
			}
			if _, err := do(t, c, s.SessionID, map[string]any{"type": "list_directory"}, nil); err != nil {
				t.Errorf("what changes nothing: %v", err)
			}
			if status, body := get(t, "http://"+p.listener.Addr().String()+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "audit log") {
				t.Errorf("/readyz: %d %s", status, body)
			}
			if status, body := get(t, "http://"+p.listener.Addr().String()+"/metrics"); status != 200 || strings.Contains(body, "\ncodebeaker_audit_lost_total{reason=\"unwritable\"} 0\n") {
				t.Errorf("nothing is counted as lost: %d", status)
			}
			if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the way back", func() bool { return p.audit.Err() == nil })
			if _, err := do(t, c, s.SessionID, write, nil); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			waitFor(t, "the record of what was lost", func() bool { return len(records(t, file, "--event", "lost")) == 1 })
		})
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

func TestAnAuditLogIsNamedRightly(t *testing.T) {
	if _, err := command(t, "audit", "verify"); err == nil || !strings.Contains(err.Error(), "--audit-log") {
		t.Errorf("without a name: %v", err)
	}
	if _, err := command(t, "audit", "--audit-log", filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "there is no audit log") {
		t.Errorf("none there: %v", err)
	}
	if _, err := load(t, "--audit-sync"); err == nil || !strings.Contains(err.Error(), "audit-sync needs audit-log") {
		t.Errorf("audit-sync alone: %v", err)
	}
	if _, err := command(t, "audit", "--audit-log", "x", "--since", "then"); err == nil || !strings.Contains(err.Error(), "--since") {
		t.Errorf("a wrong time: %v", err)
	}
}
