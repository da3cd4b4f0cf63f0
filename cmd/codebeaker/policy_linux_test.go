package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Rules decide on the server, are read again at SIGHUP, and leave their marks in
// the audit log.
func TestRulesOfTheOperatorDecide(t *testing.T) {
	dir := t.TempDir()
	file, log := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.jsonl")
	rules := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules(`
rules:
- {name: small, on: create, when: 'memoryMB > 600', then: refuse, say: too large}
- {name: noted, when: 'language == "python"', then: mark}
- {name: quiet, when: 'program == "print" && args.exists(a, a == "secret")', then: refuse, say: be quiet}
- {name: scanned, when: 'type == "write_file"', scan: [keys], then: refuse, say: no keys in files}
detectors: {keys: {patterns: ['AKIA[0-9A-Z]{16}']}}`)
	p := startServer(t, "--runtimes", "fake", "--policy", file, "--audit-log", log)
	c := dialKey(t, p, "")
	refusal := func(err error) string {
		var refused *client.RefusedError
		if !errors.As(err, &refused) || refused.Reply.Code != jsonrpc.InvalidParams {
			return ""
		}
		raw, _ := refused.Reply.Data.(jsonrpc.Raw)
		return string(raw)
	}
	large := int64(700)
	if _, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python", MemoryLimitMB: &large}); !strings.Contains(refusal(err), `"reason":"too large","rule":"small"`) {
		t.Errorf("a large create: %v %s", err, refusal(err))
	}
	s, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"})
	if err != nil {
		t.Fatal(err)
	}
	print := func(what string) error {
		_, err := do(t, c, s.SessionID, map[string]any{"type": "execute_shell", "commandName": "print", "args": []string{what}}, nil)
		return err
	}
	if err := print("hello"); err != nil {
		t.Error(err)
	}
	if err := print("secret"); !strings.Contains(refusal(err), "be quiet") {
		t.Errorf("what a rule refuses: %v", err)
	}
	write := map[string]any{"type": "write_file", "path": "a", "content": "x AKIA0123456789ABCDEF"}
	if _, err := do(t, c, s.SessionID, write, nil); !strings.Contains(refusal(err), "no keys in files") {
		t.Errorf("what a scan finds: %v", err)
	}
	read, err := do(t, c, s.SessionID, map[string]any{"type": "read_file", "path": "a"}, nil)
	if err != nil || read.ErrorCode != "NotFound" {
		t.Errorf("what was refused is there: %+v %v", read, err)
	}
	waitFor(t, "the refusals", func() bool { return len(records(t, log, "--event", "refused")) >= 2 })
	if got := records(t, log, "--event", "refused"); got[0].Rule != "small" || got[0].Outcome != "Refused" {
		t.Errorf("%+v", got)
	}
	if got := records(t, log, "--event", "create"); len(got) != 1 || len(got[0].Marks) != 1 || got[0].Marks[0] != "noted" {
		t.Errorf("%+v", got)
	}
	rules("rules: [")
	hangup(t)
	if err := print("secret"); !strings.Contains(refusal(err), "be quiet") {
		t.Errorf("after a wrong file: %v", err)
	}
	rules("rules: []")
	hangup(t)
	waitFor(t, "the new rules", func() bool { return print("secret") == nil })
}

// hangup sends this process SIGHUP, which its server has asked for.
func hangup(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func TestABadRuleFailsTheStartWithItsLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte("rules:\n- name: a\n  when: prgram == 'x'\n  then: mark\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, "policy", file); err == nil || !strings.Contains(err.Error(), file+":3: ") {
		t.Errorf("policy: %v", err)
	}
	if _, err := command(t, "serve", "--listen", "127.0.0.1:0", "--runtimes", "fake", "--data-dir", t.TempDir(), "--policy", file); err == nil || !strings.Contains(err.Error(), file+":3: ") {
		t.Errorf("serve: %v", err)
	}
}
