package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// testConverter has the default policy, and one image.
func testConverter() *converter {
	policy := Policy{Images: []string{"registry.example/*"}}.withDefaults()
	return &converter{policy: policy, served: func() []string { return []string{"go"} }}
}

// createDefaults is what a create with nothing but a language asks for.
func createDefaults(edit func(*actors.CreateRequest)) actors.CreateRequest {
	r := actors.CreateRequest{
		Language: runtimes.Python, Preference: runtimes.Balanced,
		IdleTimeout: 30 * time.Minute, MaxLifetime: 120 * time.Minute,
		Limits: runtimes.Limits{MemoryBytes: 512 << 20, CPUs: 1, Processes: 128, DiskBytes: 1024 << 20},
	}
	if edit != nil {
		edit(&r)
	}
	return r
}

func convertCreate(params string) (actors.CreateRequest, error) {
	var p protocol.SessionCreate
	if err := decodeParams(jsonrpc.Raw(params), &p); err != nil {
		return actors.CreateRequest{}, err
	}
	return testConverter().create("", &p)
}

func TestEveryMemberOfCreateArrivesWithItsDefault(t *testing.T) {
	for _, c := range []struct {
		params string
		edit   func(*actors.CreateRequest)
	}{
		{`{"language":"python"}`, nil},
		{`{"language":"PY"}`, nil},
		{`{"language":"python","runtimePreference":null,"cpus":null,"env":null,"network":null,"labels":null,"runtimeType":null}`, nil},
		{`{"language":"golang"}`, func(r *actors.CreateRequest) { r.Language = runtimes.Go }},
		{`{"language":"c#"}`, func(r *actors.CreateRequest) { r.Language = runtimes.CSharp }},
		{`{"language":"ts"}`, func(r *actors.CreateRequest) { r.Language = runtimes.TypeScript }},
		{`{"language":"node"}`, func(r *actors.CreateRequest) { r.Language = runtimes.JavaScript }},
		{`{"language":"py","runtimePreference":"speed"}`, func(r *actors.CreateRequest) { r.Preference = runtimes.Speed }},
		{`{"language":"py","runtimePreference":0}`, func(r *actors.CreateRequest) { r.Preference = runtimes.Speed }},
		{`{"language":"py","runtimePreference":1}`, func(r *actors.CreateRequest) { r.Preference = runtimes.Security }},
		{`{"language":"py","runtimePreference":2}`, func(r *actors.CreateRequest) { r.Preference = runtimes.Memory }},
		{`{"language":"py","runtimePreference":3}`, nil},
		{`{"language":"py","runtimePreference":"SECURITY"}`, func(r *actors.CreateRequest) { r.Preference = runtimes.Security }},
		{`{"language":"py","runtimeType":"DOCKER"}`, func(r *actors.CreateRequest) { r.Runtime = runtimes.Docker }},
		{`{"language":"py","runtimeType":"embedded"}`, func(r *actors.CreateRequest) { r.Runtime = runtimes.Embedded }},
		{`{"language":"py","idleTimeoutMinutes":0.5}`, func(r *actors.CreateRequest) { r.IdleTimeout = 30 * time.Second }},
		{`{"language":"py","maxLifetimeMinutes":0.05}`, func(r *actors.CreateRequest) { r.MaxLifetime = 3 * time.Second }},
		{`{"language":"py","memoryLimitMB":256}`, func(r *actors.CreateRequest) { r.Limits.MemoryBytes = 256 << 20 }},
		{`{"language":"py","cpus":0.5}`, func(r *actors.CreateRequest) { r.Limits.CPUs = 0.5 }},
		{`{"language":"py","processLimit":64}`, func(r *actors.CreateRequest) { r.Limits.Processes = 64 }},
		{`{"language":"py","diskLimitMB":64}`, func(r *actors.CreateRequest) { r.Limits.DiskBytes = 64 << 20 }},
		{`{"language":"py","network":"None"}`, nil},
		{`{"language":"py","network":"Internet"}`, func(r *actors.CreateRequest) { r.Network = runtimes.Internet }},
		{`{"language":"py","env":{"B":"2","A":"x=y"}}`, func(r *actors.CreateRequest) { r.Env = []string{"A=x=y", "B=2"} }},
		{`{"language":"py","labels":{"team":"a"}}`, func(r *actors.CreateRequest) { r.Labels = map[string]string{"team": "a"} }},
		{`{"language":"py","dockerImage":"registry.example/x"}`, func(r *actors.CreateRequest) { r.Image, r.Runtime = "registry.example/x", runtimes.Docker }},
	} {
		got, err := convertCreate(c.params)
		if err != nil {
			t.Errorf("%s: %v", c.params, err)
			continue
		}
		if diff := cmp.Diff(createDefaults(c.edit), got); diff != "" {
			t.Errorf("%s:\n%s", c.params, diff)
		}
	}
}

func TestTheFingerprintOfATokenTellsOtherParams(t *testing.T) {
	a, _ := convertCreate(`{"language":"python","clientToken":"t","env":{"A":"1","B":"2"}}`)
	b, _ := convertCreate(`{"env":{"B":"2","A":"1"},"clientToken":"t","language":"py","cpus":1}`)
	c, _ := convertCreate(`{"language":"python","clientToken":"t","env":{"A":"1","B":"3"}}`)
	if a.Fingerprint == "" || a.Fingerprint != b.Fingerprint || a.Fingerprint == c.Fingerprint {
		t.Errorf("%q %q %q", a.Fingerprint, b.Fingerprint, c.Fingerprint)
	}
}

// refusal is a wrong member: which, and a part of why. Code 0 is -32602.
type refusal struct {
	params string
	member string
	reason string
	code   jsonrpc.Code
}

func checkRefusals(t *testing.T, cases []refusal, convert func(params string) error) {
	t.Helper()
	for _, c := range cases {
		err := convert(c.params)
		if err == nil {
			t.Errorf("%.200s: accepted", c.params)
			continue
		}
		e := errorOf(err)
		if e == nil {
			t.Errorf("%.200s: %v has no code", c.params, err)
			continue
		}
		data, _ := json.Marshal(e.Data)
		var got struct{ Member string }
		_ = json.Unmarshal(data, &got)
		if c.code == 0 {
			c.code = jsonrpc.InvalidParams
		}
		if e.Code != c.code || got.Member != c.member || !strings.Contains(string(data), c.reason) {
			t.Errorf("%.200s:\n got %d %s\nwant %d, member %s, %s", c.params, e.Code, data, c.code, c.member, c.reason)
		}
	}
}

func TestEveryWrongMemberOfCreateIsNamed(t *testing.T) {
	with := func(member string) string { return `{"language":"python",` + member + `}` }
	many := func(n int, format string) string {
		var s []string
		for i := range n {
			s = append(s, fmt.Sprintf(format, i))
		}
		return strings.Join(s, ",")
	}
	long := strings.Repeat("x", 1<<20)
	checkRefusals(t, []refusal{
		{`{}`, "language", "required", 0},
		{`{"language":""}`, "language", "required", 0},
		{`{"language":7}`, "language", "string", 0},
		{`{"language":"` + long + `"}`, "language", "longer", 0},
		{`{"language":"cobol"}`, "", `["go"]`, protocol.LanguageNotSupported},
		{with(`"runtimePreference":"fast"`), "runtimePreference", "Speed, Security, Memory, Balanced", 0},
		{with(`"runtimePreference":4`), "runtimePreference", "0 to 3", 0},
		{with(`"runtimePreference":-1`), "runtimePreference", "", 0},
		{with(`"runtimePreference":1.5`), "runtimePreference", "", 0},
		{with(`"runtimePreference":[]`), "runtimePreference", "", 0},
		{with(`"runtimeType":"podman"`), "runtimeType", "Docker, Deno, Bun, Native, Embedded", 0},
		{with(`"runtimeType":""`), "runtimeType", "", 0},
		{with(`"idleTimeoutMinutes":0`), "idleTimeoutMinutes", "1440", 0},
		{with(`"idleTimeoutMinutes":1440.1`), "idleTimeoutMinutes", "1440", 0},
		{with(`"idleTimeoutMinutes":1e300`), "idleTimeoutMinutes", "1440", 0},
		{with(`"idleTimeoutMinutes":1e-300`), "idleTimeoutMinutes", "", 0},
		{with(`"idleTimeoutMinutes":"30"`), "idleTimeoutMinutes", "number", 0},
		{with(`"maxLifetimeMinutes":-1`), "maxLifetimeMinutes", "10080", 0},
		{with(`"maxLifetimeMinutes":10081`), "maxLifetimeMinutes", "10080", 0},
		{with(`"memoryLimitMB":15`), "memoryLimitMB", "16 to 16384", 0},
		{with(`"memoryLimitMB":16385`), "memoryLimitMB", "16384", 0},
		{with(`"memoryLimitMB":1.5`), "memoryLimitMB", "integer", 0},
		{with(`"memoryLimitMB":99999999999999999999`), "memoryLimitMB", "integer", 0},
		{with(`"cpus":0`), "cpus", "32", 0},
		{with(`"cpus":32.5`), "cpus", "32", 0},
		{with(`"cpus":true`), "cpus", "number", 0},
		{with(`"processLimit":0`), "processLimit", "4096", 0},
		{with(`"processLimit":5000`), "processLimit", "4096", 0},
		{with(`"diskLimitMB":0`), "diskLimitMB", "65536", 0},
		{with(`"diskLimitMB":65537`), "diskLimitMB", "65536", 0},
		{with(`"network":"lan"`), "network", "none, internet", 0},
		{with(`"env":[]`), "env", "object", 0},
		{with(`"env":{"A":1}`), "env.A", "string", 0},
		{with(`"env":{"":"x"}`), "env.", "name", 0},
		{with(`"env":{"A=B":"x"}`), "env.A=B", "name", 0},
		{with(`"env":{"A":"a\u0000b"}`), "env.A", "NUL", 0},
		{with(`"env":{"A":"` + long + `"}`), "env.A", "longer", 0},
		{with(`"env":{` + many(1001, `"A%d":""`) + `}`), "env", "1000", 0},
		{with(`"env":{` + many(20, `"A%d":"`+long[:60000]+`"`) + `}`), "env", "1048576", 0},
		{with(`"labels":{"a":"` + long + `"}`), "labels.a", "256", 0},
		{with(`"labels":{"a\u001b[2J":"` + long + `"}`), `labels."a\x1b[2J"`, "256", 0},
		{with(`"labels":{"":"a"}`), "labels.", "name", 0},
		{with(`"labels":{` + many(65, `"a%d":""`) + `}`), "labels", "64", 0},
		{with(`"dockerImage":"evil/image"`), "dockerImage", "configuration", 0},
		{with(`"dockerImage":""`), "dockerImage", "empty", 0},
		{with(`"dockerImage":"registry.example/x","runtimeType":"Bun"`), "dockerImage", "runtimeType Bun", 0},
		{with(`"clientToken":""`), "clientToken", "empty", 0},
		{with(`"clientToken":"` + long + `"`), "clientToken", "256", 0},
		{`[]x`, "params", "", 0},
		{`["python"]`, "params", "object", 0},
	}, func(params string) error { _, err := convertCreate(params); return err })
	v := testConverter()
	v.policy.DenyInternet = true
	if _, err := v.create("", &protocol.SessionCreate{Language: "go", Network: "internet"}); err == nil || !strings.Contains(err.Error(), "network") {
		t.Errorf("internet that is denied: %v", err)
	}
}

func convertExecute(params string) (actors.Execute, error) {
	var p protocol.Execute
	if err := decodeParams(jsonrpc.Raw(params), &p); err != nil {
		return actors.Execute{}, err
	}
	r, _, err := testConverter().execute(&p, true)
	return r, err
}

func TestEveryMemberOfACommandArrivesWithItsDefault(t *testing.T) {
	for _, c := range []struct {
		command string
		want    any
	}{
		{`{"type":"write_file","path":"a","content":"x"}`, &runtimes.WriteFile{Path: "a", Content: []byte("x")}},
		{`{"type":"write_file","path":"a","content":"","mode":null,"encoding":null}`, &runtimes.WriteFile{Path: "a", Content: []byte{}}},
		{`{"type":"WRITE_FILE","path":"a","content":"eA==","encoding":"Base64","mode":"overwrite","executable":true}`, &runtimes.WriteFile{Path: "a", Content: []byte("x"), Executable: true}},
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
		{`{"type":"execute_shell","commandName":"x","stdin":"aW4=","stdinEncoding":"base64"}`, &runtimes.Command{Name: "x", Stdin: []byte("in")}},
		{`{"type":"execute_shell","commandName":"x","limits":{"memoryMB":1,"cpuMs":2,"processes":3,"outputBytes":4}}`, &runtimes.Command{Name: "x", Limits: runtimes.CommandLimits{MemoryBytes: 1 << 20, CPU: 2 * time.Millisecond, Processes: 3, OutputBytes: 4}}},
		{`{"type":"execute_shell","commandName":"x","pty":{"cols":1000,"rows":1}}`, &runtimes.Command{Name: "x", OpenStdin: true, Terminal: &runtimes.TerminalSize{Columns: 1000, Rows: 1}}},
		{`{"type":"execute_shell","commandName":"x","pty":{}}`, &runtimes.Command{Name: "x", OpenStdin: true, Terminal: &runtimes.TerminalSize{Columns: 80, Rows: 24}}},
	} {
		got, err := convertExecute(`{"sessionId":"s","command":` + c.command + `}`)
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
		r, err := convertExecute(c.params)
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
	long := strings.Repeat("x", 13<<20)
	args := func(n int, arg string) string {
		return `{"type":"execute_shell","commandName":"x","args":[` + strings.TrimSuffix(strings.Repeat(`"`+arg+`",`, n), ",") + `]}`
	}
	checkRefusals(t, []refusal{
		{`null`, "command", "required", 0},
		{`7`, "command", "object", 0},
		{`{}`, "type", "required", 0},
		{`{"type":7}`, "type", "string", 0},
		{`{"type":"execute_code","code":"1"}`, "type", "capabilities", 0},
		{`{"type":"install_packages","packages":["x"]}`, "type", "capabilities", 0},
		{`{"type":"nope"}`, "type", "write_file, read_file", 0},
		{`{"type":"write_file","content":"x"}`, "command.path", "required", 0},
		{`{"type":"write_file","path":"x"}`, "command.content", "required", 0},
		{`{"type":"write_file","path":7,"content":"x"}`, "command.path", "string", 0},
		{`{"type":"write_file","path":"x","content":"x","encoding":"latin1"}`, "command.encoding", "utf8, base64", 0},
		{`{"type":"write_file","path":"x","content":"x","mode":3}`, "command.mode", "Create, Overwrite, Append", 0},
		{`{"type":"write_file","path":"x","content":"eA=","encoding":"base64"}`, "command.content", "base64", 0},
		{`{"type":"write_file","path":"x","content":"eB==","encoding":"base64"}`, "command.content", "base64", 0},
		{`{"type":"write_file","path":"x","content":"eA==\n","encoding":"base64"}`, "command.content", "base64", 0},
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
		{`{"type":"execute_shell","commandName":"x","limits":{"outputBytes":0}}`, "command.limits.outputBytes", "", 0},
		{`{"type":"execute_shell","commandName":"x","limits":7}`, "command.limits", "object", 0},
		{`{"type":"execute_shell","commandName":"x","pty":{"cols":1001}}`, "command.pty.cols", "1 to 1000", 0},
		{`{"type":"execute_shell","commandName":"x","pty":{"rows":0}}`, "command.pty.rows", "1 to 1000", 0},
		{`{"type":"execute_shell","commandName":"x"},"timeoutMs":0`, "timeoutMs", "86400000", 0},
		{`{"type":"execute_shell","commandName":"x"},"timeoutMs":86400001`, "timeoutMs", "86400000", 0},
		{`{"type":"execute_shell","commandName":"x"},"timeoutMs":"5"`, "timeoutMs", "integer", 0},
		{`{"type":"execute_shell","commandName":"x"},"stream":"yes"`, "stream", "true or false", 0},
	}, func(command string) error {
		_, err := convertExecute(`{"sessionId":"s","command":` + command + `}`)
		return err
	})
}

func TestAWorkingDirectoryOutsideTheWorkspaceIsAResult(t *testing.T) {
	for _, dir := range []string{"..", "a/../..", "/", "/etc", "/workspace/..", "/workspacex", "../workspace", "/workspace/../workspace2"} {
		_, err := workingDirectory(dir)
		if outside := (*outsideError)(nil); !errors.As(err, &outside) || outside.path != dir {
			t.Errorf("%s: %v", dir, err)
		}
	}
	var w wireOutcome
	r := w.outside(&outsideError{"/etc"})
	if r.Success || r.ErrorCode != "PathOutsideWorkspace" || !strings.Contains(*r.Error, "/etc") {
		t.Errorf("%+v", r)
	}
}

// TestEveryErrorHasACode walks the errors that the packages below document.
func TestEveryErrorHasACode(t *testing.T) {
	secret := errors.New("open /srv/data: no")
	for _, c := range []struct {
		err  error
		code jsonrpc.Code
		data string
	}{
		{actors.ErrSessionNotFound, protocol.SessionNotFound, `null`},
		{fmt.Errorf("x: %w", actors.ErrSessionClosed), protocol.SessionClosed, `null`},
		{actors.ErrExecutionNotFound, protocol.ExecutionNotFound, `null`},
		{actors.ErrShuttingDown, protocol.ShuttingDown, `null`},
		{&actors.BusyError{Limit: "queue", Maximum: 64, RetryAfter: time.Second}, protocol.Busy, `{"limit":"queue","maximum":64,"retryAfterMs":1000}`},
		{&actors.ArgumentError{Member: "m", Reason: "r"}, jsonrpc.InvalidParams, `{"member":"m","reason":"r"}`},
		{&actors.UnavailableError{Runtime: runtimes.Bun, Reason: "r"}, protocol.RuntimeUnavailable, `{"runtimeType":"Bun","reason":"r"}`},
		{&actors.LanguageError{Language: runtimes.Go, Served: []runtimes.Language{runtimes.Python}, Reason: "r"}, protocol.LanguageNotSupported, `{"languages":["python"],"reason":"r"}`},
		{&runtimes.EnvironmentError{Runtime: runtimes.Docker, Step: "s", Reason: "r", Err: secret}, protocol.EnvironmentFailed, `{"runtimeType":"Docker","reason":"r"}`},
		{&runtimes.EnvironmentError{Runtime: runtimes.Docker, Step: "pull", Err: secret}, protocol.EnvironmentFailed, `{"runtimeType":"Docker","reason":"the step that failed: pull"}`},
		{&tooLargeError{"m", 5}, protocol.TooLarge, `{"limit":5,"member":"m"}`},
	} {
		e := errorOf(c.err)
		if e == nil {
			t.Errorf("%v has no code", c.err)
			continue
		}
		if data, _ := json.Marshal(e.Data); e.Code != c.code || string(data) != c.data {
			t.Errorf("%v: %d %s", c.err, e.Code, data)
		}
		if wire := string(jsonrpc.AppendError(nil, nil, e)); strings.Contains(wire, "/srv/data") {
			t.Errorf("a path of the server leaves it: %s", wire)
		}
	}
	for _, defect := range []error{secret, actors.ErrInternal} {
		if e := errorOf(defect); e != nil {
			t.Errorf("%v: %v", defect, e)
		}
	}
}

func TestStatusesAndFileCodesAreWordsOfTheProtocol(t *testing.T) {
	for s := runtimes.Completed; s.String() != ""; s++ {
		if f, _ := reflect.TypeFor[protocol.ProcessResult]().FieldByName("Status"); !strings.Contains(f.Tag.Get("doc"), s.String()) {
			t.Errorf("%v is not documented", s)
		}
	}
}
