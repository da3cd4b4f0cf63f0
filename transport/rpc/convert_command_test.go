package rpc

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

func convertExecute(session *sessions.LocalSession, params string) (r actors.Execute, err error) {
	var c call
	if err := decodeParams(jsonrpc.Raw(params), &c.execute); err != nil {
		return r, err
	}
	note, err := c.command(&c.execute, true)
	if err != nil {
		return r, err
	}
	r, err = session.Prepare(&c.asked)
	r.Stream, r.Note = c.execute.Stream, note
	return r, err
}

func TestEveryMemberOfACommandArrivesWithItsDefault(t *testing.T) {
	_, session := checks(t, nil)
	for _, c := range []struct {
		command string
		want    any
	}{
		{`{"type":"write_file","path":"a","content":"x"}`, &runtimes.WriteFile{Path: "a", Content: []byte("x")}},
		{`{"type":"write_file","path":"a","content":"","mode":null,"encoding":null}`, &runtimes.WriteFile{Path: "a", Content: []byte{}}},
		{`{"type":"WRITE_FILE","path":"a","content":"eA==","encoding":"Base64","mode":"overwrite","executable":true,"atomic":true}`, &runtimes.WriteFile{Path: "a", Content: []byte("x"), Executable: new(true), Atomic: true}},
		{`{"type":"write_file","path":"a","content":"x","executable":false}`, &runtimes.WriteFile{Path: "a", Content: []byte("x"), Executable: new(false)}},
		{`{"content":"x","mode":"APPEND","encoding":"utf-8","path":"a","type":"write_file"}`, &runtimes.WriteFile{Path: "a", Content: []byte("x"), Mode: runtimes.Append}},
		{`{"type":"write_file","path":"a","content":"x","mode":0}`, &runtimes.WriteFile{Path: "a", Content: []byte("x")}},
		{`{"type":"write_file","path":"a","content":"x","mode":1}`, &runtimes.WriteFile{Path: "a", Content: []byte("x")}},
		{`{"type":"write_file","path":"a","content":"x","mode":2}`, &runtimes.WriteFile{Path: "a", Content: []byte("x"), Mode: runtimes.Append}},
		{`{"type":"read_file","path":""}`, &runtimes.ReadFile{}},
		{`{"type":"read_file","path":"../a","encoding":"base64","offset":5,"length":7}`, &runtimes.ReadFile{Path: "../a", Offset: 5, Length: 7}},
		{`{"type":"create_directory","path":"a"}`, &runtimes.CreateDirectory{Path: "a", Recursive: true}},
		{`{"type":"create_dir","path":"a","recursive":false}`, &runtimes.CreateDirectory{Path: "a"}},
		{`{"type":"copy_file","sourcePath":"a","destinationPath":"b"}`, &runtimes.CopyFile{Source: "a", Destination: "b", Overwrite: true}},
		{`{"type":"copy_file","source":"a","destination":"b","overwrite":false,"recursive":true}`, &runtimes.CopyFile{Source: "a", Destination: "b", Recursive: true}},
		{`{"type":"copy_file","source":"a","sourcePath":"a","destination":"b"}`, &runtimes.CopyFile{Source: "a", Destination: "b", Overwrite: true}},
		{`{"type":"move_file","sourcePath":"a","destinationPath":"b"}`, &runtimes.MoveFile{Source: "a", Destination: "b", Overwrite: true}},
		{`{"type":"move_file","source":"a","destination":"b","overwrite":false}`, &runtimes.MoveFile{Source: "a", Destination: "b"}},
		{`{"type":"delete_file","path":"a"}`, &runtimes.DeleteFile{Path: "a"}},
		{`{"type":"delete_file","path":"a","recursive":true}`, &runtimes.DeleteFile{Path: "a", Recursive: true}},
		{`{"type":"list_directory"}`, &runtimes.ListDirectory{Path: ".", Limit: 10000}},
		{`{"type":"list_directory","path":"a","recursive":true,"pattern":"*.go","includeHidden":false,"maxDepth":2,"limit":3}`, &runtimes.ListDirectory{Path: "a", Recursive: true, Pattern: "*.go", SkipHidden: true, MaxDepth: 2, Limit: 3}},
		{`{"type":"list_files","include_hidden":false,"max_depth":2}`, &runtimes.ListDirectory{Path: ".", SkipHidden: true, MaxDepth: 2, Limit: 10000}},
		{`{"type":"execute_shell","commandName":"x"}`, &runtimes.Command{Name: "x"}},
		{`{"type":"shell","command":"x","args":["-c",""],"env":{"A":"b"},"workingDirectory":"a/../b"}`, &runtimes.Command{Name: "x", Args: []string{"-c", ""}, Env: []string{"A=b"}, Dir: "b"}},
		{`{"type":"execute_shell","commandName":"x","workingDirectory":"/workspace"}`, &runtimes.Command{Name: "x"}},
		{`{"type":"execute_shell","commandName":"x","workingDirectory":"/workspace/./a//b/"}`, &runtimes.Command{Name: "x", Dir: "a/b"}},
		{`{"type":"execute_shell","commandName":"x","stdin":"in"}`, &runtimes.Command{Name: "x", Stdin: []byte("in")}},
		{`{"type":"write_file","path":"a","content":"aW4g\nbGlu\r\nZXM=\n","encoding":"base64"}`, &runtimes.WriteFile{Path: "a", Content: []byte("in lines")}},
		{`{"type":"execute_shell","commandName":"x","stdin":"aW4g\r\nbGluZXM=\r\n","stdinEncoding":"base64"}`, &runtimes.Command{Name: "x", Stdin: []byte("in lines")}},
		{`{"type":"execute_shell","commandName":"x","stdin":"aW4=","stdinEncoding":"base64"}`, &runtimes.Command{Name: "x", Stdin: []byte("in")}},
		{`{"type":"execute_shell","commandName":"x","limits":{"memoryMB":1,"cpuMs":2,"processes":3,"outputBytes":4}}`, &runtimes.Command{Name: "x", Limits: runtimes.CommandLimits{MemoryBytes: 1 << 20, CPU: 2 * time.Millisecond, Processes: 3, OutputBytes: 4}}},
		{`{"type":"execute_shell","commandName":"x","pty":{"cols":1000,"rows":1}}`, &runtimes.Command{Name: "x", OpenStdin: true, Terminal: &runtimes.TerminalSize{Columns: 1000, Rows: 1}}},
		{`{"type":"execute_shell","commandName":"x","pty":{}}`, &runtimes.Command{Name: "x", OpenStdin: true, Terminal: &runtimes.TerminalSize{Columns: 80, Rows: 24}}},
	} {
		got, err := convertExecute(session, `{"sessionId":"s","command":`+c.command+`}`)
		if err != nil {
			t.Errorf("%s: %v", c.command, err)
			continue
		}
		if diff := cmp.Diff(c.want, got.Command); diff != "" {
			t.Errorf("%s:\n%s", c.command, diff)
		}
	}
}

func TestTheTimeLimitAndTheInputFollowTheWayACommandRuns(t *testing.T) {
	_, session := checks(t, nil)
	const shell = `{"type":"execute_shell","commandName":"x"}`
	for _, c := range []struct {
		params  string
		timeout time.Duration
		open    bool
	}{
		{`{"command":` + shell + `}`, time.Minute, false},
		{`{"command":` + shell + `,"stream":true}`, time.Minute, true},
		{`{"command":` + shell + `,"background":true}`, 0, true},
		{`{"command":` + shell + `,"background":true,"timeoutMs":5}`, 5 * time.Millisecond, true},
		{`{"command":` + shell + `,"timeoutMs":86400000}`, 24 * time.Hour, false},
		{`{"command":{"type":"execute_shell","commandName":"x","pty":{}}}`, 0, true},
		{`{"command":{"type":"execute_shell","commandName":"x","stdin":""},"stream":true}`, time.Minute, false},
	} {
		r, err := convertExecute(session, c.params)
		if err != nil {
			t.Errorf("%s: %v", c.params, err)
			continue
		}
		if program := r.Command.(*runtimes.Command); r.Timeout != c.timeout || program.OpenStdin != c.open {
			t.Errorf("%s: %v, open %v", c.params, r.Timeout, program.OpenStdin)
		}
	}
}

func TestEveryWrongMemberOfACommandIsNamed(t *testing.T) {
	_, session := checks(t, nil)
	long := strings.Repeat("x", 13<<20)
	args := func(n int, arg string) string {
		return `{"type":"execute_shell","commandName":"x","args":[` + strings.TrimSuffix(strings.Repeat(`"`+arg+`",`, n), ",") + `]}`
	}
	checkRefusals(t, []refusal{
		{`null`, "command", "required", 0},
		{`7`, "command", "object", 0},
		{`{}`, "type", "required", 0},
		{`{"type":7}`, "type", "string", 0},
		{`{"type":"execute_code","code":"1","language":"nonesuch"}`, "command.language", "not known", 0},
		{`{"type":"install_packages","packages":["x"]}`, "type", "capabilities", 0},
		{`{"type":"nope"}`, "type", "write_file, read_file", 0},
		{`{"type":"write_file","content":"x"}`, "command.path", "required", 0},
		{`{"type":"write_file","path":"x"}`, "command.content", "required", 0},
		{`{"type":"write_file","path":7,"content":"x"}`, "command.path", "string", 0},
		{`{"type":"write_file","path":"x","content":"x","encoding":"latin1"}`, "command.encoding", "utf8, base64", 0},
		{`{"type":"write_file","path":"x","content":"x","mode":3}`, "command.mode", "Create, Overwrite, Append", 0},
		{`{"type":"write_file","path":"x","content":"eA=","encoding":"base64"}`, "command.content", "base64", 0},
		{`{"type":"write_file","path":"x","content":"eB==","encoding":"base64"}`, "command.content", "base64", 0},
		{`{"type":"write_file","path":"x","content":"eA\n","encoding":"base64"}`, "command.content", "base64", 0},
		{`{"type":"write_file","path":"x","content":"eA ==","encoding":"base64"}`, "command.content", "base64", 0},
		{`{"type":"write_file","path":"x","content":"-_-_","encoding":"base64"}`, "command.content", "base64", 0},
		{`{"type":"write_file","path":"x","content":"` + long + `"}`, "command.content", `"limit":12582912`, protocol.TooLarge},
		{`{"type":"write_file","path":"x","encoding":"base64","content":"` + long + strings.Repeat("x", 4<<20) + `"}`, "command.content", `"limit":12582912`, protocol.TooLarge},
		{`{"type":"write_file","path":"x","content":"x","executable":"yes"}`, "command.executable", "true or false", 0},
		{`{"type":"read_file"}`, "command.path", "required", 0},
		{`{"type":"read_file","path":"x","offset":-1}`, "command.offset", "", 0},
		{`{"type":"read_file","path":"x","length":0}`, "command.length", "", 0},
		{`{"type":"create_directory"}`, "command.path", "required", 0},
		{`{"type":"copy_file","destination":"b"}`, "command.sourcePath", "required", 0},
		{`{"type":"copy_file","source":"b"}`, "command.destinationPath", "required", 0},
		{`{"type":"copy_file","source":"a","sourcePath":"c","destination":"b"}`, "command.source", "contradicts sourcePath", 0},
		{`{"type":"move_file","source":1,"destination":"b"}`, "command.source", "string", 0},
		{`{"type":"delete_file"}`, "command.path", "required", 0},
		{`{"type":"list_directory","pattern":"[a"}`, "command.pattern", "glob", 0},
		{`{"type":"list_directory","maxDepth":0}`, "command.maxDepth", "", 0},
		{`{"type":"write_file","path":"x","content":"","mode":"Append","atomic":true}`, "command.atomic", "Append", 0},
		{`{"type":"list_directory","limit":100001}`, "command.limit", "100000", 0},
		{`{"type":"list_directory","include_hidden":true,"includeHidden":false}`, "command.include_hidden", "contradicts", 0},
		{`{"type":"execute_shell"}`, "command.commandName", "required", 0},
		{`{"type":"execute_shell","commandName":""}`, "command.commandName", "empty", 0},
		{`{"type":"execute_shell","commandName":"a\u0000b"}`, "command.commandName", "NUL", 0},
		{`{"type":"execute_shell","commandName":"` + long[:4097] + `"}`, "command.commandName", "4096", 0},
		{`{"type":"execute_shell","commandName":"x","args":"a"}`, "command.args", "array", 0},
		{`{"type":"execute_shell","commandName":"x","args":["a",{"b":1}]}`, "command.args[1]", "string", 0},
		{`{"type":"execute_shell","commandName":"x","args":["a","b\u0000"]}`, "command.args[1]", "NUL", 0},
		{args(100_000, "x"), "command.args", "10000", 0},
		{args(1, long[:131072]), "command.args[0]", "131071", 0},
		{args(20, long[:60000]), "command.args", "1048576", 0},
		{`{"type":"execute_shell","commandName":"x","env":{"A":"` + long[:2<<20] + `"}}`, "command.env.A", "longer", 0},
		{`{"type":"execute_shell","commandName":"x","workingDirectory":"a\u0000"}`, "command.workingDirectory", "NUL", 0},
		{`{"type":"execute_shell","commandName":"x","stdin":"?","stdinEncoding":"base64"}`, "command.stdin", "base64", 0},
		{`{"type":"execute_shell","commandName":"x","stdin":"` + long + `"}`, "command.stdin", `"limit":8388608`, protocol.TooLarge},
		{`{"type":"execute_shell","commandName":"x","limits":{"memoryMB":0}}`, "command.limits.memoryMB", "", 0},
		{`{"type":"execute_shell","commandName":"x","limits":{"cpuMs":-5}}`, "command.limits.cpuMs", "", 0},
		{`{"type":"execute_shell","commandName":"x","limits":{"processes":4097}}`, "command.limits.processes", "4096", 0},
		{`{"type":"execute_shell","commandName":"x","limits":{"stackMB":0}}`, "command.limits.stackMB", "16384", 0},
		{`{"type":"execute_shell","commandName":"x","limits":{"stackMB":16385}}`, "command.limits.stackMB", "16384", 0},
		{`{"type":"execute_shell","commandName":"x","limits":{"outputBytes":0}}`, "command.limits.outputBytes", "", 0},
		{`{"type":"execute_shell","commandName":"x","limits":7}`, "command.limits", "object", 0},
		{`{"type":"execute_shell","commandName":"x","pty":{"cols":1001}}`, "command.pty.cols", "1 to 1000", 0},
		{`{"type":"execute_shell","commandName":"x","pty":{"rows":0}}`, "command.pty.rows", "1 to 1000", 0},
		{`{"type":"execute_shell","commandName":"x"},"timeoutMs":0`, "timeoutMs", "86400000", 0},
		{`{"type":"execute_shell","commandName":"x"},"timeoutMs":86400001`, "timeoutMs", "86400000", 0},
		{`{"type":"execute_shell","commandName":"x"},"timeoutMs":"5"`, "timeoutMs", "integer", 0},
		{`{"type":"execute_shell","commandName":"x"},"stream":"yes"`, "stream", "true or false", 0},
	}, func(command string) error {
		_, err := convertExecute(session, `{"sessionId":"s","command":`+command+`}`)
		return err
	})
}

// Line breaks are no content: a file of the largest size may come in lines.
func TestLineBreaksInBase64CountTowardsNoLimit(t *testing.T) {
	var lines strings.Builder
	rest := base64.StdEncoding.EncodeToString(make([]byte, 12))
	for len(rest) > 0 {
		lines.WriteString(rest[:4] + "\r\n")
		rest = rest[4:]
	}
	_, session := checks(t, func(p *sessions.Policy) { p.MaxFileBytes = 12 })
	write := `{"sessionId":"s","command":{"type":"write_file","path":"a","encoding":"base64","content":` + strconv.Quote(lines.String()) + `}}`
	if r, err := convertExecute(session, write); err != nil || len(r.Command.(*runtimes.WriteFile).Content) != 12 {
		t.Errorf("%+v, %v", r.Command, err)
	}
	_, session = checks(t, func(p *sessions.Policy) { p.MaxFileBytes = 9 })
	if _, err := convertExecute(session, write); err == nil {
		t.Error("the limit does not hold")
	}
}
