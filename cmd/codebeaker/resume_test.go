package main

import (
	"crypto/sha256"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/streamtest"
)

// bare is a session as it is seen over a bare connection.
type bare struct {
	t    testing.TB
	addr string
	wire *streamtest.Wire
	id   string
}

// newBare connects and creates a session that ends with the test.
func newBare(t testing.TB, p *Program, params map[string]any) *bare {
	t.Helper()
	addr := p.listener.Addr().String()
	wire, err := streamtest.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	b := &bare{t: t, addr: addr, wire: wire}
	var s protocol.Session
	b.call(protocol.MethodSessionCreate, params, &s)
	b.id = s.SessionID
	t.Cleanup(func() {
		last, err := streamtest.Dial(addr)
		if err != nil {
			t.Fatal(err)
		}
		defer last.Close()
		defer b.wire.Close()
		if err := last.Call(protocol.MethodSessionClose, map[string]any{"sessionId": b.id}, nil, nil); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bare) call(method string, params, result any) {
	b.t.Helper()
	if err := b.wire.Call(method, params, result, nil); err != nil {
		b.t.Fatal(err)
	}
}

// write makes a file of the workspace.
func (b *bare) write(path string, content []byte) {
	b.t.Helper()
	command := map[string]any{"type": "write_file", "path": path, "content": base64.StdEncoding.EncodeToString(content), "encoding": "base64"}
	b.call(protocol.MethodSessionExecute, map[string]any{"sessionId": b.id, "command": command}, nil)
}

// start starts a shell script in the background, with its output to this
// connection when stream is set.
func (b *bare) start(script string, stream bool) (execution string) {
	b.t.Helper()
	command := map[string]any{"type": "execute_shell", "commandName": "sh", "args": []string{"-c", script}, "openStdin": true}
	var started protocol.ExecuteResult
	b.call(protocol.MethodSessionExecute, map[string]any{"sessionId": b.id, "command": command, "background": true, "stream": stream}, &started)
	return started.ExecutionID
}

// noise is bytes of every kind.
func noise(size int) []byte {
	source := rand.NewChaCha8(sha256.Sum256([]byte("noise")))
	b := make([]byte, size)
	_, _ = source.Read(b)
	copy(b[size/3:], strings.Repeat("wörter und 🦫\n", size/60)) // a part is text
	return b
}

// The property of TestOutputIsJoinedAcrossConnectionsThatBreakAnywhere of
// transport, on real programs.
func TestOutputIsJoinedAcrossBrokenConnectionsOnEveryRuntime(t *testing.T) {
	notShort(t)
	p := startServer(t, "--output-bytes", "65536")
	out, complaint := noise(150_000), noise(40_000)
	const times = 10
	wrote := map[string][]byte{"stdout": {}, "stderr": {}}
	for range times {
		wrote["stdout"] = append(wrote["stdout"], out...)
		wrote["stderr"] = append(wrote["stderr"], complaint...)
	}
	for _, c := range each {
		t.Run(c.kind.String(), func(t *testing.T) {
			needLanguage(t, p, c.kind, c.language)
			b := newBare(t, p, map[string]any{"language": c.language, "runtimeType": c.kind.String()})
			b.write("out", out)
			b.write("complaint", complaint)
			e := b.start("for i in 1 2 3 4 5 6 7 8 9 10; do cat complaint >&2; cat out; done", true)
			reader := func(cut int) *streamtest.Reader {
				return &streamtest.Reader{
					Addr: b.addr, Session: b.id, Execution: e, Wrote: wrote, Cut: cut, Rand: rand.New(rand.NewPCG(7, uint64(cut))),
				}
			}
			own, brief, longer := reader(0), reader(100_000), reader(700_000)
			var all sync.WaitGroup
			for name, follow := range map[string]func() error{
				"own": func() error { return own.Own(b.wire) }, "brief": brief.Follow, "longer": longer.Follow,
			} {
				all.Go(func() {
					if err := follow(); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			all.Wait()
			if own.Attached > 0 || own.Missing["stdout"]+own.Missing["stderr"] > 0 {
				t.Errorf("the reader that was there all the time: %+v", own.Missing)
			}
			t.Logf("brief: %d connections, missed %v; longer: %d, missed %v", brief.Attached, brief.Missing, longer.Attached, longer.Missing)
		})
	}
}
