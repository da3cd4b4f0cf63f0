package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// handshake sends a raw request and returns the answer, and what comes after.
func handshake(t *testing.T, url, request, behind string) (*http.Response, *peer) {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if _, err := nc.Write([]byte(request + behind)); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp, &peer{buffered{nc, br}, t}
}

type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

const upgradeRequest = "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

func TestHandshakeIsThatOfTheRFC(t *testing.T) {
	url := serve(t, NewHub(Options{}), UpgradeOptions{Header: http.Header{"X-Server": {"yes"}}}, func() Handler { return newEcho() })
	resp, p := handshake(t, url, upgradeRequest+"\r\n", "")
	if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || resp.Header.Get("X-Server") != "yes" {
		t.Errorf("got %v %v", resp.StatusCode, resp.Header)
	}
	p.write(text("hello"))
	p.wantText("hello")
	p.write(bye)
	p.wantClose(1000)
}

func TestFramesBehindTheRequestAreServed(t *testing.T) {
	url := serve(t, NewHub(Options{}), UpgradeOptions{}, func() Handler { return newEcho() })
	_, p := handshake(t, url, upgradeRequest+"\r\n", string(text("early"))+string(text("cut here"))[:9])
	p.wantText("early")
	p.write(text("cut here")[9:])
	p.wantText("cut here")
}

func TestCompressionIsDeclined(t *testing.T) {
	url := serve(t, NewHub(Options{}), UpgradeOptions{}, func() Handler { return newEcho() })
	resp, p := handshake(t, url, upgradeRequest+"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n", "")
	if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Extensions") != "" {
		t.Errorf("got %v %v", resp.StatusCode, resp.Header)
	}
	p.write(rsv(4, text("compressed")))
	p.wantClose(1002)
}

func TestSubprotocolIsTheFirstThatIsAccepted(t *testing.T) {
	accept := func(offered string) bool { return strings.HasPrefix(offered, "bearer.") }
	url := serve(t, NewHub(Options{}), UpgradeOptions{Protocol: accept}, func() Handler { return newEcho() })
	for offered, want := range map[string]string{"json": "", "json, bearer.KEY, bearer.OTHER": "bearer.KEY"} {
		resp, _ := handshake(t, url, upgradeRequest+"Sec-WebSocket-Protocol: "+offered+"\r\n\r\n", "")
		if got := resp.Header.Get("Sec-WebSocket-Protocol"); resp.StatusCode != 101 || got != want {
			t.Errorf("offered %q: %d %q, want %q", offered, resp.StatusCode, got, want)
		}
	}
}

func TestBadHandshakesAreRefused(t *testing.T) {
	url := serve(t, NewHub(Options{}), UpgradeOptions{}, func() Handler { return newEcho() })
	for name, c := range map[string]struct {
		old, new string
		status   int
	}{
		"method":                {"GET", "POST", 405},
		"old HTTP":              {"HTTP/1.1", "HTTP/1.0", 505},
		"no upgrade":            {"Upgrade: websocket\r\n", "", 400},
		"no connection":         {"Connection: keep-alive, Upgrade\r\n", "", 400},
		"other version":         {"Version: 13", "Version: 8", 426},
		"no key":                {"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400},
		"key of 3 bytes":        {"dGhlIHNhbXBsZSBub25jZQ==", "dGhl", 400},
		"key that is no base64": {"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ!==", 400},
		"key of 18 bytes":       {"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQaa", 400},
		"two keys":              {"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400},
		"two keys in one":       {"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", 400},
	} {
		resp, p := handshake(t, url, strings.Replace(upgradeRequest, c.old, c.new, 1)+"\r\n", "")
		if resp.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", name, resp.StatusCode, c.status)
		}
		_ = p
	}
}

func TestUpgradeAfterShutdownIs503(t *testing.T) {
	hub := NewHub(Options{})
	url := serve(t, hub, UpgradeOptions{}, func() Handler { return newEcho() })
	if err := hub.Shutdown(context.Background(), ""); err != nil {
		t.Fatal(err)
	}
	var refused *HandshakeError
	if _, err := Dial(context.Background(), url, DialOptions{}); !errors.As(err, &refused) || refused.Status != 503 {
		t.Errorf("got %v", err)
	}
}

// collect is a client's handler.
type collect struct {
	*echo
	got chan string
}

func newCollect() collect { return collect{newEcho(), make(chan string, 100)} }

func (c collect) OnMessage(_ *Conn, msg []byte, binary bool) {
	c.got <- fmt.Sprint(binary, " ", string(msg))
}

func TestClientAndServerSpeakToEachOther(t *testing.T) {
	key := ""
	hub := NewHub(Options{PingInterval: soon})
	defer hub.Shutdown(context.Background(), "")
	server := newEcho()
	upgrade := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key = r.Header.Get("Authorization")
		if c, err := hub.Upgrade(w, r, UpgradeOptions{Protocol: ws.SelectEqual("b")}); err == nil {
			c.Start(server)
		}
	})
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			s := httptest.NewUnstartedServer(upgrade)
			roots := x509.NewCertPool()
			if scheme == "wss" {
				s.StartTLS()
				roots.AddCert(s.Certificate())
			} else {
				s.Start()
			}
			defer s.Close()
			c, err := Dial(context.Background(), scheme+"://"+s.Listener.Addr().String()+"/ws", DialOptions{
				Header: http.Header{"Authorization": {"Bearer K"}}, Protocols: []string{"a", "b"}, TLS: &tls.Config{RootCAs: roots, ServerName: "example.com"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if c.Protocol() != "b" || key != "Bearer K" {
				t.Errorf("protocol %q, key %q", c.Protocol(), key)
			}
			h := newCollect()
			c.Start(h)
			big := strings.Repeat("é", 1<<20)
			for _, msg := range []string{"small", strings.Repeat("m", 1000), big} {
				reply(c, msg)
				if got := <-h.got; got != "false "+msg {
					t.Fatalf("got %.40q", got)
				}
			}
			c.Binary(func(dst []byte) []byte { return append(dst, 0xff) })
			if got := <-h.got; got != "true \xff" {
				t.Errorf("got %q", got)
			}
			c.CloseWith(1000, "done")
			if err := h.wait(t); err.Code != 1000 || err.Remote {
				t.Errorf("client: %v", err)
			}
			if err := server.wait(t); err.Code != 1000 || err.Reason != "done" || !err.Remote {
				t.Errorf("server: %v", err)
			}
			waitFor(t, func() bool { return hub.Count() == 0 })
		})
	}
}

func TestClientSeesTheServersClose(t *testing.T) {
	hub := NewHub(Options{})
	var server *Conn
	started := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server, _ = hub.Upgrade(w, r, UpgradeOptions{})
		reply(server, "before the client started")
		server.Start(newEcho())
		close(started)
	}))
	defer s.Close()
	client := NewHub(Options{})
	c, err := Dial(context.Background(), "ws"+strings.TrimPrefix(s.URL, "http"), DialOptions{Hub: client})
	if err != nil {
		t.Fatal(err)
	}
	h := newCollect()
	c.Start(h)
	<-started
	if got := <-h.got; got != "false before the client started" {
		t.Errorf("got %q", got)
	}
	server.CloseWith(1013, "slow consumer")
	if err := h.wait(t); err.Code != 1013 || err.Reason != "slow consumer" || !err.Remote {
		t.Errorf("got %v", err)
	}
	waitFor(t, func() bool { return hub.Count() == 0 && client.Count() == 0 })
	_, _ = hub.Shutdown(context.Background(), ""), client.Shutdown(context.Background(), "")
}

func TestDialSaysWhyItFailed(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "who are you", http.StatusUnauthorized)
	}))
	defer s.Close()
	var refused *HandshakeError
	_, err := Dial(context.Background(), "ws"+strings.TrimPrefix(s.URL, "http"), DialOptions{})
	if !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http"), DialOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The client refuses what no server may send.
func TestClientRefusesMaskedFrames(t *testing.T) {
	near, far := tcpPair(t)
	defer far.Close()
	h := newEcho()
	c := NewClient(near, Options{CloseTimeout: 1})
	c.Start(h)
	if _, err := far.Write(text("masked")); err != nil {
		t.Fatal(err)
	}
	if err := h.wait(t); err.Code != 1002 {
		t.Errorf("got %v", err)
	}
}

// A write to TLS that timed out cannot be taken up again: the client is cut.
func TestStalledConsumerBehindTLSIsCut(t *testing.T) {
	hub := NewHub(Options{StallTimeout: 100 * time.Millisecond})
	h := newEcho()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := hub.Upgrade(w, r, UpgradeOptions{}); err == nil {
			c.Start(h)
			c.Attach(newEndless()).Wake()
		}
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	// The client is never started, so that it reads nothing.
	c, err := Dial(context.Background(), "wss://"+s.Listener.Addr().String(),
		DialOptions{TLS: &tls.Config{RootCAs: roots, ServerName: "example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.nc.Close()
	if err := h.wait(t); err.Code != 1013 || err.Reason != "slow consumer" {
		t.Errorf("OnClose got %v", err)
	}
	if err := hub.Shutdown(context.Background(), ""); err != nil {
		t.Error(err)
	}
}
