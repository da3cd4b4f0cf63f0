package main

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestBadInputIsRefusedByNameAndHarmsNothing(t *testing.T) {
	p := sharedServer(t)
	f := connect(t, "npm-ws", p.URL())
	cases := []struct {
		method string
		params map[string]any
		code   int
		member string
	}{
		{"session.create", map[string]any{}, -32602, "language"},
		{"session.create", map[string]any{"language": 5}, -32602, "language"},
		{"session.create", map[string]any{"language": "cobol"}, -32004, ""},
		{"session.create", map[string]any{"language": "python", "memoryLimitMB": -1}, -32602, "memoryLimitMB"},
		{"session.create", map[string]any{"language": "python", "cpus": 1e9}, -32602, "cpus"},
		{"session.create", map[string]any{"language": "python", "runtimeType": "Bun"}, -32003, ""},
		{"session.create", map[string]any{"language": "python", "runtimeType": "Podman"}, -32602, "runtimeType"},
		{"session.get", map[string]any{"sessionId": "n1.nobody"}, -32001, ""},
		{"session.teleport", map[string]any{}, -32601, ""},
	}
	for _, c := range cases {
		err := f.fails(c.method, c.params)
		if err.Code != c.code || c.member != "" && err.Data["member"] != c.member {
			t.Errorf("%s %v: %d %s %v", c.method, c.params, err.Code, err.Message, err.Data)
		}
		if strings.Contains(err.Message, ".go:") || strings.Contains(err.Message, p.dir.path) {
			t.Errorf("the message tells of the server: %s", err.Message)
		}
	}
	needLanguage(t, p, runtimes.Docker, "python")
	if err := f.fails("session.create", map[string]any{"language": "python", "dockerImage": "alpine"}); err.Code != -32602 {
		t.Errorf("an image that is not allowed: %d %s", err.Code, err.Message)
	}
	s := f.create(map[string]any{"language": "python"})
	for member, command := range map[string]map[string]any{
		"command.type":        {"type": "explode"},
		"command.path":        {"type": "write_file", "content": "x"},
		"command.commandName": {"type": "execute_shell", "args": []string{"x"}},
		"command.args[1]":     {"type": "execute_shell", "commandName": "echo", "args": []any{"a", 7}},
		"command.content":     {"type": "write_file", "path": "x", "content": "%%%", "encoding": "base64"},
	} {
		err := f.fails("session.execute", map[string]any{"sessionId": s.ID, "command": command})
		if named, _ := err.Data["member"].(string); err.Code != -32602 || !strings.HasSuffix(member, strings.TrimPrefix(named, "command.")) || named == "" {
			t.Errorf("%v: %d %s %v", command, err.Code, err.Message, err.Data)
		}
	}
	if o := f.shell(s, "no-such-program"); o.ErrorCode != "CouldNotStart" || o.Result.ExitCode != nil || o.Error == "" {
		t.Errorf("%+v", o)
	}
	if o := f.shell(s, "echo", "fine"); o.Result.Stdout != "fine\n" {
		t.Errorf("the session does not work any more: %+v", o)
	}
	f.close(s)
}
