package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// The tests of this file look at a server in a process of its own from outside, as
// an operator does: the most memory that was resident, and how long another client
// waits meanwhile.

const (
	testBudget = 256 << 20
	// besideBudget is what the server may have beside the budget: ownMemory, its
	// program and its libraries, and what the collector is late for.
	besideBudget = ownMemory + 96<<20
	// mostWait is for a p99 of another client that no busy machine explains; the
	// aim, 100 ms, is for a quiet one to show.
	mostWait = 10 * time.Second
)

// victim is a server that clients try to harm.
type victim struct {
	t   *testing.T
	b   *binary
	url string
	k   *client.Client // another client

	session, execution string // with 1 MiB of \x01 on both streams
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	b := startBinary(t, buildServer(t), shortTempDir(t), "--runtimes", "fake", "--memory-budget", fmt.Sprint(testBudget))
	k, err := client.Dial(t.Context(), b.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	v := &victim{t: t, b: b, url: b.url, k: k}
	v.session = v.newSession()
	input := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 1<<20))
	v.execution = v.execute(v.session, object{"type": "execute_shell", "commandName": "tee", "stdin": input, "stdinEncoding": "base64"})
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 8<<20))
	v.execute(v.session, object{"type": "write_file", "path": "zeros", "content": zeros, "encoding": "base64"})
	return v
}

func (v *victim) newSession() string {
	v.t.Helper()
	var s protocol.Session
	if err := v.k.Call(v.t.Context(), protocol.MethodSessionCreate, object{"language": "python", "runtimeType": "Native"}, &s); err != nil {
		v.t.Fatal(err)
	}
	return s.SessionID
}

func (v *victim) execute(session string, command object) (execution string) {
	v.t.Helper()
	var r protocol.ExecuteResult
	if err := v.k.Call(v.t.Context(), protocol.MethodSessionExecute, object{"sessionId": session, "command": command}, &r); err != nil || !r.Success {
		v.t.Fatalf("%+v, %v", r, err)
	}
	return r.ExecutionID
}

// forget begins a new measurement of the most memory.
func (v *victim) forget() {
	v.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", v.b.cmd.Process.Pid), []byte("5"), 0); err != nil {
		v.t.Fatal(err)
	}
}

// most is the most memory that was resident since forget, in bytes.
func (v *victim) most() int64 {
	v.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.b.cmd.Process.Pid))
	if err != nil {
		v.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kilobytes); err != nil {
		v.t.Fatal(err)
	}
	return kilobytes << 10
}

// while lets another client run a program again and again as long as attack goes
// on, and returns what of the server was resident at most, and the p99 of the
// client.
func (v *victim) while(attack func()) (most int64, p99 time.Duration) {
	v.t.Helper()
	v.forget()
	session, over, done := v.newSession(), make(chan struct{}), make(chan struct{})
	var waits []time.Duration
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			default:
			}
			began := time.Now()
			var r protocol.ExecuteResult
			err := v.k.Call(v.t.Context(), protocol.MethodSessionExecute,
				object{"sessionId": session, "command": object{"type": "execute_shell", "commandName": "true"}}, &r)
			if err != nil || !r.Success {
				v.t.Errorf("another client: %+v, %v", r, err)
				return
			}
			waits = append(waits, time.Since(began))
			time.Sleep(2 * time.Millisecond)
		}
	}()
	attack()
	close(over)
	<-done
	if err := v.k.CloseSession(v.t.Context(), session); err != nil {
		v.t.Error(err)
	}
	slices.Sort(waits)
	if len(waits) == 0 {
		v.t.Fatal("another client got no answer")
	}
	return v.most(), waits[len(waits)*99/100]
}

// holds checks what was measured.
func (v *victim) holds(what string, most int64, p99 time.Duration) {
	v.t.Helper()
	v.t.Logf("%s: %d MiB resident at most, p99 of another client %v", what, most>>20, p99.Round(100*time.Microsecond))
	if most > testBudget+besideBudget {
		v.t.Errorf("%s: %d MiB were resident, not %d and %d", what, most>>20, testBudget>>20, besideBudget>>20)
	}
	if p99 > mostWait {
		v.t.Errorf("%s: p99 of another client %v", what, p99)
	}
}

// rawConn is a connection whose frames the test makes itself.
type rawConn struct {
	net.Conn
	r *bufio.Reader
}

// dialRaw connects; a silent one has a small buffer for what it does not read.
func (v *victim) dialRaw(silent bool) (*rawConn, error) {
	u, err := url.Parse(v.url)
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	if silent {
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	fmt.Fprintf(c, "GET %s?maxMessageBytes=16777216 HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", u.Path, u.Host)
	raw := &rawConn{c, bufio.NewReader(c)}
	for {
		line, err := raw.r.ReadString('\n')
		if err != nil {
			_ = c.Close()
			return nil, err
		}
		if strings.TrimSpace(line) == "" {
			return raw, nil
		}
	}
}

// frame is a text frame of a client; a mask of zeros changes nothing.
func frame(n int, payload []byte) []byte {
	b := []byte{0x81}
	switch {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = append(b, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// message reads one message of the server, without keeping it, and returns its
// size. Pings on the way are answered.
func (c *rawConn) message() (n int, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return 0, err
	}
	n = int(head[1] & 0x7f)
	if n >= 126 {
		length := make([]byte, map[int]int{126: 2, 127: 8}[n])
		if _, err := io.ReadFull(c.r, length); err != nil {
			return 0, err
		}
		n = 0
		for _, b := range length {
			n = n<<8 | int(b)
		}
	}
	if _, err = c.r.Discard(n); err != nil {
		return n, err
	}
	if head[0] != 0x81 { // a ping
		if _, err := c.Write([]byte{0x8a, 0x80, 0, 0, 0, 0}); err != nil {
			return 0, err
		}
		return c.message()
	}
	return n, nil
}

// request is one request as JSON.
func request(id int, method string, params object) string {
	text, err := json.Marshal(params)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, text)
}

// batchOf is a batch of 50 times the same.
func batchOf(method string, params object) string {
	var all []string
	for id := range 50 {
		all = append(all, request(id, method, params))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// atOnce runs f for so many connections at once.
func atOnce(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// One batch of 8 KB took 3.1 GB once: each of its 50 replies was made at once, of
// 2 MiB that JSON makes six times as large.
func TestABatchOfWaitsTakesNoMoreThanTheBudget(t *testing.T) {
	v := newVictim(t)
	wait := batchOf(protocol.MethodExecutionWait, object{"sessionId": v.session, "executionId": v.execution})
	most, p99 := v.while(func() {
		atOnce(4, func(int) {
			c, err := v.dialRaw(false)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for range 2 {
				if _, err := c.Write(frame(len(wait), []byte(wait))); err != nil {
					t.Error(err)
				}
				if n, err := c.message(); err != nil || n < 8<<20 || n > 16<<20 {
					t.Errorf("a reply of %d bytes, %v", n, err)
				}
			}
		})
	})
	v.holds("4 times 2 batches of 50 execution.wait", most, p99)
}

// Sixteen requests of 200 bytes took 1.5 GB, and stalled others for 2.9 s.
func TestReadingLargeFilesTakesNoMoreThanTheBudget(t *testing.T) {
	v := newVictim(t)
	read := func(id int) []byte {
		text := request(id, protocol.MethodSessionExecute, object{"sessionId": v.session, "command": object{"type": "read_file", "path": "zeros"}})
		return frame(len(text), []byte(text))
	}
	whole := 0
	most, p99 := v.while(func() {
		c, err := v.dialRaw(false)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for id := range 16 {
			if _, err := c.Write(read(id)); err != nil {
				t.Error(err)
			}
		}
		for range 16 {
			switch n, err := c.message(); {
			case err != nil:
				t.Errorf("%v", err)
			case n > 10<<20:
				whole++
			case n > 300: // it names the limit: see transport/rpc
				t.Errorf("a reply of %d bytes", n)
			}
		}
	})
	v.holds("16 read_file of 8 MiB", most, p99)
	if whole < 4 {
		t.Errorf("only %d were answered with the content", whole)
	}
}

// Forty messages that lack their last ten bytes took 0.9 GB, and were kept for 17
// minutes: now few are read at all, and those that stop are closed.
func TestUnfinishedMessagesTakeNoMoreThanTheBudget(t *testing.T) {
	v := newVictim(t)
	const size = 16 << 20
	ctx, stop := context.WithCancel(t.Context())
	var open sync.WaitGroup
	most, p99 := v.while(func() {
		payload := bytes.Repeat([]byte{' '}, size-10)
		for range 40 {
			c, err := v.dialRaw(false)
			if err != nil {
				t.Error(err)
				return
			}
			context.AfterFunc(ctx, func() { _ = c.Close() })
			open.Go(func() { _, _ = c.Write(frame(size, payload)) })
		}
		time.Sleep(3 * time.Second)
	})
	v.holds("40 connections with 16 MiB less ten bytes", most, p99)
	stop()
	open.Wait()
	// What they had is free again.
	v.execute(v.session, object{"type": "write_file", "path": "after", "content": strings.Repeat("x", 8<<20)})
}
