package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/streamtest"
)

// onEachBare runs a test in a fresh session of each runtime.
func onEachBare(t *testing.T, test func(t *testing.T, b *bare, create map[string]any)) {
	p := sharedServer(t)
	for _, c := range each {
		t.Run(c.kind.String(), func(t *testing.T) {
			needLanguage(t, p, c.kind, c.language)
			create := map[string]any{"language": c.language, "runtimeType": c.kind.String(), "clientToken": t.Name()}
			test(t, newBare(t, p, create), create)
		})
	}
}

// Regressions of others, R4 and R10.
func TestSessionsAreMadeAnewAtOnceAndRunSixProgramsAtOnce(t *testing.T) {
	onEachBare(t, func(t *testing.T, b *bare, create map[string]any) {
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() { runOn(t, b, i, i%2 == 0) })
		}
		all.Wait()
		for range 2 { // the same token, at once
			before := b.id
			b.call(protocol.MethodSessionClose, map[string]any{"sessionId": before}, nil)
			var s protocol.Session
			b.call(protocol.MethodSessionCreate, create, &s)
			if b.id = s.SessionID; b.id == before || s.State != "Active" {
				t.Fatalf("the new session: %+v", s)
			}
			runOn(t, b, 7, false)
		}
	})
}

// runOn runs a program over a connection of its own.
func runOn(t *testing.T, b *bare, i int, background bool) {
	w, err := streamtest.Dial(b.addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer w.Close()
	command := map[string]any{"type": "execute_shell", "commandName": "sh", "args": []string{"-c", fmt.Sprintf("echo program %d", i)}}
	var r struct {
		ExecutionID string
		Result      *protocol.ProcessResult
	}
	err = w.Call(protocol.MethodSessionExecute, map[string]any{"sessionId": b.id, "command": command, "background": background}, &r, nil)
	if background && err == nil {
		waited := struct{ Result any }{&r}
		err = w.Call(protocol.MethodExecutionWait, map[string]any{"sessionId": b.id, "executionId": r.ExecutionID}, &waited, nil)
	}
	if err != nil || r.Result == nil || r.Result.Stdout != fmt.Sprintf("program %d\n", i) {
		t.Errorf("program %d: %+v, %v", i, r.Result, err)
	}
}

// Regression of others, R6: the largest message is served, one byte more is
// not. What its content may not be, a member that is ignored makes up for.
func TestAFrameOfSixteenMebibytesIsServed(t *testing.T) {
	const limit = 16 << 20
	onEachBare(t, func(t *testing.T, b *bare, _ map[string]any) {
		head := `{"jsonrpc":"2.0","id":1,"method":"session.execute","params":{"sessionId":"` + b.id + `","command":{"type":"write_file","path":"f","content":"`
		const content, middle, tail = 10 << 20, `"},"ignored":"`, `"}}`
		head += strings.Repeat("x", content) + middle
		message := func(size int) string { return head + strings.Repeat("y", size-len(head)-len(tail)) + tail }
		if err := b.wire.Send(message(limit)); err != nil {
			t.Fatal(err)
		}
		m, err := b.wire.Receive()
		for err == nil && m.Method != "" {
			m, err = b.wire.Receive()
		}
		if want := fmt.Sprintf(`"bytes":%d`, content); err != nil || !strings.Contains(string(m.Result), want) {
			t.Errorf("%s, %+v, %v", m.Result, m.Error, err)
		}
		over, err := streamtest.Dial(b.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer over.Close()
		_ = over.Send(message(limit + 1)) // it may be cut before it is through
		if _, err := over.Receive(); err == nil || !strings.Contains(err.Error(), "1009") && !strings.Contains(err.Error(), "reset") {
			t.Errorf("one byte more: %v", err)
		}
	})
}

func TestInputToProgramsThatDoNotReadOnEveryRuntime(t *testing.T) {
	onEachBare(t, func(t *testing.T, b *bare, _ map[string]any) {
		offer := func(e string, more map[string]any) (int, error) {
			more["sessionId"], more["executionId"] = b.id, e
			var a protocol.InputAccepted
			err := b.wire.Call(protocol.MethodExecutionInput, more, &a, nil)
			return a.AcceptedBytes, err
		}
		deaf := b.start("sleep 1000", false)
		total, data := 0, strings.Repeat("x", 128<<10)
		for range 64 {
			n, err := offer(deaf, map[string]any{"data": data})
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
		if total < 64<<10 || total > 256<<10 { // the buffer and a pipe
			t.Errorf("%d bytes of 8 MiB were accepted", total)
		}
		if _, err := offer(deaf, map[string]any{"data": "%%", "encoding": "base64"}); err == nil || !strings.Contains(err.Error(), "-32602") {
			t.Errorf("base64 that is none: %v", err)
		}
		b.call(protocol.MethodExecutionSignal, map[string]any{"sessionId": b.id, "executionId": deaf, "signal": "SIGKILL"}, nil)
		gone := b.start("exit 0", false)
		for _, e := range []string{deaf, gone} {
			b.call(protocol.MethodExecutionWait, map[string]any{"sessionId": b.id, "executionId": e, "timeoutMs": 5000}, nil)
			if _, err := offer(e, map[string]any{"data": "late"}); err == nil || !strings.Contains(err.Error(), "-32602") {
				t.Errorf("after the end: %v", err)
			}
		}
		echo := b.start("cat", false)
		if n, err := offer(echo, map[string]any{"data": "to the end", "eof": true}); n != 10 || err != nil {
			t.Errorf("with eof: %d, %v", n, err)
		}
		var waited struct {
			Result struct{ Result protocol.ProcessResult }
		}
		b.call(protocol.MethodExecutionWait, map[string]any{"sessionId": b.id, "executionId": echo, "timeoutMs": 5000}, &waited)
		if waited.Result.Result.Stdout != "to the end" {
			t.Errorf("%+v", waited)
		}
	})
}
