package websocket

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
)

// rfcCase is what a client sends and what it gets. Its name begins with the
// group of the Autobahn test suite that it belongs to, if to any. want are the frames that come back, as "T:text",
// "B:bytes", "P:pong"; closed is the code of the close frame after them, 0 for
// one without.
type rfcCase struct {
	name   string
	send   [][]byte
	want   []string
	closed uint16
}

func closeFrame(code uint16, reason string) []byte {
	return frame(true, ws.OpClose, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

var bye = closeFrame(1000, "")

// echoed is a case whose last frame is a clean close.
func echoed(name string, want []string, send ...[]byte) rfcCase {
	return rfcCase{name, append(send, bye), want, 1000}
}

// failed is a case in which the server closes with the code. What comes behind
// must not be looked at any more.
func failed(name string, code uint16, want []string, send ...[]byte) rfcCase {
	return rfcCase{name, append(send, text("too late"), bye), want, code}
}

func rfcCases() []rfcCase {
	return slices.Concat(payloadCases(), pingCases(), reservedBitCases(), opcodeCases(), fragmentCases(),
		textCases(), closeCases(), closeCodeCases(), headerCases())
}

// pieces is a text in fragments of n bytes.
func pieces(s string, n int) (frames []byte) {
	for op := ws.OpText; ; op = ws.OpContinuation {
		n = min(n, len(s))
		frames = append(frames, frame(n == len(s), op, []byte(s[:n]))...)
		if s = s[n:]; s == "" {
			return frames
		}
	}
}

// Groups 1 to 7 of Autobahn, and hostile inputs, in one write
// and byte by byte, on each way to read.
func TestFramesAreTreatedAsRFC6455Says(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			for _, c := range rfcCases() {
				for _, cut := range []int{1, 1 << 20} {
					name := c.name
					if cut == 1 {
						name += ", byte by byte"
					}
					t.Run(name, func(t *testing.T) { c.run(t, transport, cut) })
				}
			}
		})
	}
}

func (c rfcCase) run(t *testing.T, transport string, cut int) {
	h := newEcho()
	p, _ := connect(t, transport, Options{}, h)
	all := bytes.Join(c.send, nil)
	if len(all) > 1000 {
		cut = max(cut, 1000)
	}
	var chunks [][]byte
	for ; len(all) > 0; all = all[min(cut, len(all)):] {
		chunks = append(chunks, all[:min(cut, len(all))])
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, chunk := range chunks {
			if _, err := p.Conn.Write(chunk); err != nil {
				return
			}
		}
	}()
	for _, want := range c.want {
		f, ok := p.read()
		if !ok {
			t.Fatalf("the stream ended before %.40q", want)
		}
		got := map[ws.OpCode]string{ws.OpText: "T:", ws.OpBinary: "B:", ws.OpPong: "P:"}[f.Header.OpCode] + string(f.Payload)
		if got != want {
			t.Fatalf("got %v %.60q, want %.60q", f.Header, got, want)
		}
	}
	p.wantClose(c.closed)
	_ = p.Close()
	<-done
	if err := h.wait(t); c.closed != 0 && err.Code != c.closed {
		t.Errorf("OnClose got %v, want %d", err, c.closed)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
