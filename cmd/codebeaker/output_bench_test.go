package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// benchBytes is what a program writes in one round, in lines of text.
const benchBytes = 32 << 20

const spill = "yes 'the quick brown fox jumps over the lazy dog, 0123456789 times 42 is more' | head -c "

// rates are the rounds of one way for output, in MB/s.
type rates []float64

func (r *rates) round(b *testing.B, carry func() (int, error)) {
	b.Helper()
	start := time.Now()
	if n, err := carry(); err != nil || n < benchBytes {
		b.Fatal(n, err)
	}
	*r = append(*r, benchBytes/1e6/time.Since(start).Seconds())
}

func (r rates) median() float64 {
	slices.Sort(r)
	return r[len(r)/2]
}

// BenchmarkOutput carries the output of a program to a client on a socket,
// beside the same program on a plain pipe and, in Docker, beside the engine's
// exec through its API, in turn. The client reads the bytes of the wire and
// looks for the end only, as the other two do.
func BenchmarkOutput(b *testing.B) {
	p := startServer(b)
	script := spill + strconv.Itoa(benchBytes)
	for _, c := range each {
		b.Run(c.kind.String(), func(b *testing.B) {
			needLanguage(b, p, c.kind, c.language)
			s := newBare(b, p, map[string]any{"language": c.language, "runtimeType": c.kind.String()})
			var ours, pipe, engine rates
			for b.Loop() {
				pipe.round(b, func() (int, error) { return throughPipe(script) })
				ours.round(b, func() (int, error) { s.start(script, true); return s.wire.Drain() })
				if c.kind == runtimes.Docker {
					engine.round(b, func() (int, error) { return throughEngine(s, script) })
				}
			}
			b.ReportMetric(ours.median(), "MB/s")
			b.ReportMetric(ours.median()/pipe.median(), "of-a-pipe")
			if engine != nil {
				b.ReportMetric(ours.median()/engine.median(), "times-the-engine")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func throughPipe(script string) (int, error) {
	cmd := exec.Command("sh", "-c", script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	n, err := discard(out)
	if err != nil {
		return 0, err
	}
	return n, cmd.Wait()
}

func discard(r io.Reader) (int, error) {
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 64<<10))
	return int(n), err
}

// throughEngine runs the script by the engine's exec in the same container.
func throughEngine(s *bare, script string) (int, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", "/var/run/docker.sock")
		},
	}}
	post := func(path string, body any) (*http.Response, error) {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		return client.Post("http://engine"+path, "application/json", bytes.NewReader(text))
	}
	var session protocol.Session
	s.call(protocol.MethodSessionGet, map[string]any{"sessionId": s.id}, &session)
	made, err := post("/containers/"+session.ContainerID+"/exec", map[string]any{"Cmd": []string{"sh", "-c", script}, "AttachStdout": true, "AttachStderr": true})
	if err != nil {
		return 0, err
	}
	defer made.Body.Close()
	var id struct{ ID string }
	if err := json.NewDecoder(made.Body).Decode(&id); err != nil {
		return 0, err
	}
	run, err := post("/exec/"+id.ID+"/start", map[string]any{})
	if err != nil {
		return 0, err
	}
	defer run.Body.Close()
	return discard(run.Body)
}

// clocks write the time whenever a line comes.
var clocks = map[runtimes.Type][]string{
	runtimes.Bun:    {"bun", "clock.js"},
	runtimes.Deno:   {"deno", "run", "clock.js"},
	runtimes.Native: {"python3", "clock.py"},
	runtimes.Docker: {"python3", "clock.py"},
}

const (
	clockJS = `import process from "node:process"
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000) + "000\n"
process.stdin.on("data", () => process.stdout.write(now()))
`
	clockPython = `import sys, time
for line in sys.stdin:
    sys.stdout.write(str(time.time_ns()) + "\n")
    sys.stdout.flush()
`
)

// BenchmarkTimeToNotification is from a program's write, which holds the time,
// to the arrival of the notification at the client.
func BenchmarkTimeToNotification(b *testing.B) {
	p := startServer(b)
	for _, c := range each {
		b.Run(c.kind.String(), func(b *testing.B) {
			needLanguage(b, p, c.kind, c.language)
			s := newBare(b, p, map[string]any{"language": c.language, "runtimeType": c.kind.String()})
			s.write("clock.js", []byte(clockJS))
			s.write("clock.py", []byte(clockPython))
			e := s.start("exec "+strings.Join(clocks[c.kind], " "), true)
			var took []time.Duration
			for b.Loop() {
				took = append(took, time.Since(s.tick(e)))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2])/float64(time.Microsecond), "µs-median")
			b.ReportMetric(float64(took[len(took)*99/100])/float64(time.Microsecond), "µs-p99")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// tick asks the clock, and returns when it wrote the answer.
func (b *bare) tick(execution string) time.Time {
	ask := `{"jsonrpc":"2.0","method":"execution.input","params":{"sessionId":%q,"executionId":%q,"data":"\n"}}`
	if err := b.wire.Send(fmt.Sprintf(ask, b.id, execution)); err != nil {
		b.t.Fatal(err)
	}
	for {
		m, err := b.wire.Receive()
		if err != nil {
			b.t.Fatal(err)
		}
		if m.Method == protocol.NotifyOutput {
			ns, err := strconv.ParseInt(strings.TrimSpace(m.Params.Data), 10, 64)
			if err != nil {
				b.t.Fatal(err)
			}
			return time.Unix(0, ns)
		}
	}
}
