package rpc

import (
	"encoding/json"
	"fmt"
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

// checks are the service of a client of a server with the default policy, and one
// image, that speaks to nobody.
func checks(t testing.TB, edit func(*sessions.Policy)) (*sessions.Conn, *sessions.LocalSession) {
	t.Helper()
	images, err := runtimes.ParseImages("registry.example/*")
	if err != nil {
		t.Fatal(err)
	}
	policy := sessions.Policy{Images: images}
	if edit != nil {
		edit(&policy)
	}
	w := newWorld(t, setup{policy: policy})
	conn := w.door.sessions.Connect("", nil)
	made, _, err := w.system.Create(t.Context(), createDefaults(nil))
	if err != nil {
		t.Fatal(err)
	}
	session, err := conn.Find(made.ID())
	if err != nil {
		t.Fatal(err)
	}
	return conn, session
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

func convertCreate(conn *sessions.Conn, params string) (r actors.CreateRequest, err error) {
	var p protocol.SessionCreate
	if err := decodeParams(jsonrpc.Raw(params), &p); err != nil {
		return r, err
	}
	asked, err := createOf(&p)
	if err != nil {
		return r, err
	}
	return conn.Prepare(&asked)
}

func TestEveryMemberOfCreateArrivesWithItsDefault(t *testing.T) {
	conn, _ := checks(t, nil)
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
		{`{"language":"py","diskLimitMB":64}`, func(r *actors.CreateRequest) { r.Limits.DiskBytes, r.DiskAsked = 64<<20, true }},
		{`{"language":"py","network":"None"}`, nil},
		{`{"language":"py","network":"Internet"}`, func(r *actors.CreateRequest) { r.Network = runtimes.Internet }},
		{`{"language":"py","env":{"B":"2","A":"x=y"}}`, func(r *actors.CreateRequest) { r.Env = []string{"A=x=y", "B=2"} }},
		{`{"language":"py","labels":{"team":"a"}}`, func(r *actors.CreateRequest) { r.Labels = map[string]string{"team": "a"} }},
		{`{"language":"py","dockerImage":"registry.example/x"}`, func(r *actors.CreateRequest) { r.Image, r.Runtime = "registry.example/x:latest", runtimes.Docker }},
	} {
		got, err := convertCreate(conn, c.params)
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
	conn, _ := checks(t, nil)
	a, _ := convertCreate(conn, `{"language":"python","clientToken":"t","env":{"A":"1","B":"2"}}`)
	b, _ := convertCreate(conn, `{"env":{"B":"2","A":"1"},"clientToken":"t","language":"py","cpus":1}`)
	c, _ := convertCreate(conn, `{"language":"python","clientToken":"t","env":{"A":"1","B":"3"}}`)
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
	conn, _ := checks(t, nil)
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
		{`{"language":"cobol"}`, "", `["javascript"`, protocol.LanguageNotSupported},
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
		{with(`"diskLimitMB":0`), "diskLimitMB", "16384", 0},
		{with(`"diskLimitMB":16385`), "diskLimitMB", "16384", 0},
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
		{with(`"dockerImage":"registry.example/x","runtimeType":"Bun"`), "dockerImage", "the runtime Bun", 0},
		{with(`"clientToken":""`), "clientToken", "empty", 0},
		{with(`"clientToken":"` + long + `"`), "clientToken", "256", 0},
		{`[]x`, "params", "", 0},
		{`["python"]`, "params", "object", 0},
	}, func(params string) error { _, err := convertCreate(conn, params); return err })
	conn, _ = checks(t, func(p *sessions.Policy) { p.DenyInternet = true })
	if _, err := convertCreate(conn, `{"language":"go","network":"internet"}`); err == nil || !strings.Contains(err.Error(), "network") {
		t.Errorf("internet that is denied: %v", err)
	}
}
