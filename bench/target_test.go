package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/bench/internal/local"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// stranger takes WebSocket connections and answers every request of a client
// with the text.
func stranger(t *testing.T, answer string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 1.3
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]))
		answerFrames(conn, buffered.Reader, answer)
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/ws/jsonrpc"
}

// answerFrames answers each short frame, until the client closes.
func answerFrames(conn net.Conn, in *bufio.Reader, answer string) {
	for {
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, in, int64(head[1]&0x7f)+4); err != nil { // its mask and its payload
			return
		}
		if head[0]&0x0f == 8 { // close
			return
		}
		_, _ = conn.Write(append([]byte{0x81, byte(len(answer))}, answer...))
	}
}

func TestAServerThatGoesAwayMidRunLeavesAPartialReport(t *testing.T) {
	var server *local.Server
	runs, closed := 0, make(chan error, 1)
	rt := faked(t, runtimes.Bun, map[string]fake.Program{"bun": func(r *fake.Run) int {
		if runs++; runs == 5 {
			go func() { closed <- server.Close() }()
		}
		return greet(r)
	}})
	server, err := local.Start(t.Context(), local.Options{Runtimes: []runtimes.Runtime{rt}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "r.json")
	bench(t, nil, "-quick", "-scenario", "create,execute", "-count", "300", "-target", server.URL, "-o", path).
		want(t, exitFailed, "INCOMPLETE", "Run a program that does nothing")
	if err := <-closed; err != nil {
		t.Error(err)
	}
	samples := 0
	r := read(t, path)
	for _, s := range r.Series {
		samples += len(s.Samples)
	}
	if r.Aborted == "" || samples == 0 || r.Server.Target == "" {
		t.Errorf("%d samples, aborted %q", samples, r.Aborted)
	}
}

func TestATargetThatIsNoServer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello")) }))
	defer page.Close()
	for want, target := range map[string]string{
		"connection refused":     "ws" + strings.TrimPrefix(gone.URL, "http"),
		"no server answers at":   "ws" + strings.TrimPrefix(page.URL, "http"),
		"not a JSON-RPC message": stranger(t, "garbage"),
		"speaks version \"9\"":   stranger(t, `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"9"}}`),
		"who it is":              stranger(t, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}`),
	} {
		path := filepath.Join(t.TempDir(), "r.json")
		bench(t, nil, "-target", target, "-o", path).want(t, exitFailed, want)
		bench(t, nil, "load", "-target", target).want(t, exitFailed, want)
	}
}
