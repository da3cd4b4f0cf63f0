package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/streamtest"
)

// fewDescriptors starts a server that may open so many files.
func fewDescriptors(t *testing.T, n int, args ...string) *binary {
	t.Helper()
	script := filepath.Join(t.TempDir(), "few.sh")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", n, buildServer(t))
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return startBinary(t, script, shortTempDir(t), args...)
}

// W8 and W7: connections that take every descriptor, say half a word, and end by
// a reset leave a server that goes on.
func TestConnectionsThatTakeEveryDescriptorLeaveAServerThatGoesOn(t *testing.T) {
	server := fewDescriptors(t, 128, "--runtimes", "fake")
	host := strings.TrimSuffix(strings.TrimPrefix(server.url, "ws://"), "/ws/jsonrpc")
	var open []net.Conn
	for range 400 {
		c, err := net.DialTimeout("tcp", host, 2*time.Second)
		if err != nil {
			break // the queue of the listener is full
		}
		_, _ = c.Write([]byte("GET /ws/jsonrpc HTTP/1.1\r\nHost: loc"))
		open = append(open, c)
	}
	if len(open) < 128 {
		t.Errorf("only %d connections were made", len(open))
	}
	for _, c := range open {
		_ = c.(*net.TCPConn).SetLinger(0) // a reset
		_ = c.Close()
	}
	begin := time.Now()
	for status := 0; status != http.StatusOK; status = postOnce(host) {
		if time.Since(begin) > 15*time.Second {
			t.Fatal("the server does not answer any more")
		}
		time.Sleep(50 * time.Millisecond)
	}
	server.stop(t)
}

// postOnce is the status of one call on a connection of its own, 0 when it has none.
func postOnce(host string) int {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Post("http://"+host+"/rpc", "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"language.list"}`))
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// W8: thousands that come and say nothing.
func TestThousandsOfIdleConnectionsAreServed(t *testing.T) {
	const many = 2000
	p := startServer(t, "--runtimes", "fake")
	addr := p.listener.Addr().String()
	var open []*streamtest.Wire
	for range many {
		w, err := streamtest.Dial(addr)
		if err != nil {
			t.Fatalf("after %d: %v", len(open), err)
		}
		open = append(open, w)
	}
	for i, w := range open {
		if i%10 == 0 {
			if err := w.Call(protocol.MethodLanguageList, nil, nil, nil); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
		}
	}
	for i, w := range open {
		if i%2 == 0 {
			w.Abort()
		} else {
			w.Close()
		}
	}
	b := newBare(t, p, object{"language": "python"})
	runFake(t, b)
}

func runFake(t *testing.T, b *bare) {
	t.Helper()
	var r protocol.ExecuteResult
	b.call(protocol.MethodSessionExecute, object{"sessionId": b.id, "command": object{"type": "execute_shell", "commandName": "print", "args": []string{"fine"}}}, &r)
	if !r.Success {
		t.Errorf("%+v", r)
	}
}

// S7: a session that is busy refuses what it cannot queue, and holds nothing of it.
func TestCallsToABusySessionCostNoMemory(t *testing.T) {
	p := startServer(t, "--runtimes", "fake")
	b := newBare(t, p, object{"language": "python"})
	b.call(protocol.MethodSessionExecute, object{"sessionId": b.id, "background": true, "command": object{
		"type": "execute_shell", "commandName": "sleep", "args": []string{"1h"}}}, nil)
	hold, err := streamtest.Dial(b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	command := `{"jsonrpc":"2.0","id":1,"method":"session.execute","params":{"sessionId":"` + b.id + `","command":{"type":"execute_shell","commandName":"sleep","args":["1h"]}}}`
	if err := hold.Send(command); err != nil { // in the foreground: the queue begins behind it
		t.Fatal(err)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const senders, calls = 8, 5000
	var all sync.WaitGroup
	var busy, other atomic.Int64
	for range senders {
		all.Go(func() {
			w, err := streamtest.Dial(b.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer w.Close()
			var reading sync.WaitGroup
			reading.Go(func() {
				for {
					m, err := w.Receive()
					switch {
					case err != nil:
						return
					case m.Error != nil && m.Error.Code == -32005:
						busy.Add(1)
					case m.Error != nil:
						other.Add(1)
					}
				}
			})
			for range calls {
				if err := w.Send(command); err != nil {
					break // closed, for it sent too much
				}
			}
			for end := time.Now().Add(10 * time.Second); busy.Load() < senders*calls/2 && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			w.Abort()
			reading.Wait()
		})
	}
	all.Wait()
	if busy.Load() < senders*calls/2 || other.Load() > 0 {
		t.Errorf("%d calls of %d were told Busy, %d something else", busy.Load(), senders*calls, other.Load())
	}
	if after := heap(); after > before+32<<20 {
		t.Errorf("%d MB are held after %d calls", (after-before)>>20, senders*calls)
	}
}

// R12: a burst of creates is served, or told when to come again.
func TestABurstOfCreatesIsServedOrToldWhenToComeAgain(t *testing.T) {
	p := startServer(t, "--runtimes", "fake", "--max-sessions", "32")
	addr := p.listener.Addr().String()
	var all sync.WaitGroup
	var made, busy atomic.Int64
	for range 150 {
		all.Go(func() {
			w, err := streamtest.Dial(addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer w.Close()
			if err := w.Send(`{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"python"}}`); err != nil {
				t.Error(err)
				return
			}
			for {
				m, err := w.Next()
				switch text := string(m); {
				case err != nil:
					t.Error(err)
				case strings.Contains(text, `"method":`):
					continue
				case strings.Contains(text, `"result":`):
					made.Add(1)
				case strings.Contains(text, `"code":-32005`) && strings.Contains(text, `"retryAfterMs":`):
					busy.Add(1)
				default:
					t.Error(text)
				}
				return
			}
		})
	}
	all.Wait()
	if made.Load() != 32 || made.Load()+busy.Load() != 150 {
		t.Errorf("%d sessions were made, %d creates told Busy", made.Load(), busy.Load())
	}
	if err := closeSessions(p); err != nil {
		t.Error(err)
	}
}

// S3: the life of a session ends under its command, which is told so, and both
// leave nothing.
func TestALifeThatEndsDuringACommandEndsBoth(t *testing.T) {
	p := sharedServer(t)
	for _, c := range each {
		t.Run(c.kind.String(), func(t *testing.T) {
			needLanguage(t, p, c.kind, c.language)
			f := connect(t, "python-websockets", p.URL())
			s := f.create(object{"language": c.language, "runtimeType": c.kind.String(), "maxLifetimeMinutes": 0.05})
			id := f.send("session.execute", object{"sessionId": s.ID, "command": shellLine("trap '' TERM; sleep 1000")})
			m := f.reply(id)
			if m.Error == nil && !strings.Contains(string(m.Result), `"Cancelled"`) {
				t.Errorf("%s", m.Result)
			} else if m.Error != nil && m.Error.Code != -32002 && m.Error.Code != -32001 {
				t.Errorf("%+v", m.Error)
			}
			closed := f.note("session.closed", func(n map[string]any) bool { return n["sessionId"] == s.ID })
			if reason, _ := closed["reason"].(string); !strings.Contains(strings.ToLower(reason), "lifetime") && !strings.Contains(strings.ToLower(reason), "expired") {
				t.Errorf("%v", closed)
			}
			tracesOf(p).wantNone(t, s.name())
		})
	}
}
