package rpc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// FuzzParams converts whatever params of the two methods that take the most,
// and checks that what comes through is within its bounds and what does not is
// an error with a code.
func FuzzParams(f *testing.F) {
	for _, seed := range []string{
		`{"language":"py","runtimePreference":1,"cpus":0.5,"env":{"A":"b"},"labels":{"a":"b"},"clientToken":"t"}`,
		`{"language":"js","idleTimeoutMinutes":1e-9,"memoryLimitMB":1e3,"diskLimitMB":-0}`,
		`{"sessionId":"s","command":{"type":"shell","command":"x","args":["-c"],"pty":{"cols":1},"limits":{"cpuMs":1}},"timeoutMs":5}`,
		`{"command":{"type":"write_file","path":"\u0000","content":"eA==","encoding":"base64","mode":2}}`,
		`{"command":{"type":"list_files","pattern":"[","max_depth":1,"limit":5}}`,
	} {
		f.Add([]byte(seed))
	}
	conn, session := checks(f, nil)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // the envelope has refused it
		}
		checkCreate(t, conn, raw)
		checkExecute(t, session, raw)
	})
}

func checkCreate(t *testing.T, conn *sessions.Conn, raw []byte) {
	r, err := convertCreate(conn, string(raw))
	if err == nil && (r.IdleTimeout <= 0 || r.MaxLifetime <= 0 || r.Limits.CPUs < 0.01 ||
		r.Limits.MemoryBytes < 16<<20 || r.Limits.DiskBytes <= 0 || r.Limits.Processes <= 0) {
		t.Errorf("%q: %+v", raw, r)
	}
	checkCode(t, raw, err)
}

func checkExecute(t *testing.T, session *sessions.LocalSession, raw []byte) {
	r, err := convertExecute(session, string(raw))
	if err == nil {
		if c, ok := r.Command.(*runtimes.Command); ok {
			checkProgram(t, raw, c)
		}
		if r.Command == nil || r.Timeout < 0 {
			t.Errorf("%q: %+v", raw, r)
		}
	}
	checkCode(t, raw, err)
}

func checkProgram(t *testing.T, raw []byte, c *runtimes.Command) {
	for _, s := range append([]string{c.Name, c.Dir}, append(c.Args, c.Env...)...) {
		if strings.ContainsRune(s, 0) {
			t.Errorf("%q: a NUL in %q", raw, s)
		}
	}
	if c.Name == "" {
		t.Errorf("%q: %+v", raw, c)
	}
	if s := c.Terminal; s != nil && (s.Columns < 1 || s.Columns > 1000 || s.Rows < 1 || s.Rows > 1000) {
		t.Errorf("%q: terminal %+v", raw, s)
	}
}

func checkCode(t *testing.T, raw []byte, err error) {
	if err != nil && errorOf(err) == nil {
		t.Errorf("%q: %v has no code", raw, err)
	}
}
