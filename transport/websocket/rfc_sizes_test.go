package websocket

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// Group 9.1 to 9.4: messages from 64 KiB to the limit, whole and in fragments
// down to 64 bytes.
func TestLargeMessagesAreServed(t *testing.T) {
	if testing.Short() {
		t.Skip("it sends fifty megabytes")
	}
	p, _ := connect(t, "socket", Options{QueueBytes: 64 << 20}, newEcho())
	for _, c := range []struct {
		size      int
		fragments []int
	}{
		{64 << 10, []int{64 << 10, 64}},
		{256 << 10, []int{256 << 10, 1300}},
		{1 << 20, []int{1 << 20, 4 << 10, 64}},
		{4 << 20, []int{1 << 20, 16 << 10}},
		{16 << 20, []int{16 << 20, 64 << 10}},
	} {
		for i, fragment := range c.fragments {
			small := c.size <= 1<<20 // of what is larger, bytes come whole and text in fragments
			if small || i > 0 {
				largeMessage(t, p, ws.OpText, bytes.Repeat([]byte("0123456789abcdé"), c.size/16), fragment)
			}
			if small || i == 0 {
				largeMessage(t, p, ws.OpBinary, bytes.Repeat([]byte("0123456789abcd\xff\xfe"), c.size/16), fragment)
			}
		}
	}
}

func largeMessage(t *testing.T, p *peer, op ws.OpCode, payload []byte, fragment int) {
	t.Helper()
	p.send(fragmented(op, payload, fragment))
	f, ok := p.read()
	if !ok || f.Header.OpCode != op || !bytes.Equal(f.Payload, payload) {
		t.Fatalf("%d bytes in fragments of %d: %v, %.60q", len(payload), fragment, f.Header, f.Payload)
	}
}

func fragmented(op ws.OpCode, payload []byte, n int) []byte {
	var frames bytes.Buffer
	for len(payload) > n {
		frames.Write(frame(false, op, payload[:n]))
		payload, op = payload[n:], ws.OpContinuation
	}
	frames.Write(frame(true, op, payload))
	return frames.Bytes()
}

// Group 9.5 and 9.6: one frame that arrives in small writes.
func TestALargeFrameInSmallWritesIsServed(t *testing.T) {
	p, _ := connect(t, "socket", Options{QueueBytes: 64 << 20}, newEcho())
	payload := bytes.Repeat([]byte("0123456789abcdé"), 1<<20/16)
	for _, chop := range []int{64, 128, 256, 512, 1024, 2048} {
		for _, op := range []ws.OpCode{ws.OpText, ws.OpBinary} {
			writeChopped(t, p, frame(true, op, payload), chop)
			if f, ok := p.read(); !ok || f.Header.OpCode != op || !bytes.Equal(f.Payload, payload) {
				t.Fatalf("1 MiB in writes of %d: %v", chop, f.Header)
			}
		}
	}
}

// writeChopped writes from a goroutine, for what does not fit into the socket.
func writeChopped(t *testing.T, p *peer, whole []byte, n int) {
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		for ; len(whole) > 0; whole = whole[min(n, len(whole)):] {
			if _, err := p.Conn.Write(whole[:min(n, len(whole))]); err != nil {
				return
			}
		}
	}()
}

// Group 9.7 and 9.8: a thousand messages there and back, of each size.
func TestAThousandMessagesOfEachSizeComeBackInOrder(t *testing.T) {
	for _, size := range []int{0, 16, 64, 256, 1024, 4096} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			p, _ := connect(t, "socket", Options{QueueBytes: 64 << 20}, newEcho())
			var all []byte
			messages := make([]string, 1000)
			for i := range messages {
				messages[i] = fmt.Sprintf("%*d", size, i)[:size]
				all = append(all, text(messages[i])...)
			}
			p.send(all)
			for _, want := range messages {
				p.wantText(want)
			}
		})
	}
}

// Group 10: a sender that fragments by itself, and one that does so at random.
func TestAutomaticFragmentationIsServed(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			p, _ := connect(t, transport, Options{}, newEcho())
			payload := []byte(strings.Repeat("κόσμε", 65536/len("κόσμε")))
			p.send(fragmented(ws.OpText, payload, 1300))
			p.wantText(string(payload))
			random := rand.New(rand.NewPCG(1, 2))
			for range 20 {
				var frames []byte
				op := ws.OpText
				for rest := payload; ; op = ws.OpContinuation {
					n := min(random.IntN(5000), len(rest))
					frames = append(frames, frame(n == len(rest), op, rest[:n])...)
					if rest = rest[n:]; len(rest) == 0 {
						break
					}
				}
				p.send(frames)
				p.wantText(string(payload))
			}
		})
	}
}
