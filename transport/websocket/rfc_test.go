package websocket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// rfcCase is what a client sends and what it gets, in the order of the groups
// of the Autobahn test suite. want are the frames that come back, as "T:text",
// "B:bytes", "P:pong"; closed is the code of the close frame after them.
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

// rsv sets reserved bits of a frame.
func rsv(bits byte, f []byte) []byte {
	f[0] |= bits << 4
	return f
}

func rfcCases() (cases []rfcCase) {
	add := func(name string, closed uint16, want []string, send ...[]byte) {
		cases = append(cases, rfcCase{name, send, want, closed})
	}
	for _, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
		s := strings.Repeat("*", n)
		add(fmt.Sprint("1 text of ", n), 1000, []string{"T:" + s}, text(s), bye)
		add(fmt.Sprint("1 binary of ", n), 1000, []string{"B:" + s}, frame(true, ws.OpBinary, []byte(s)), bye)
	}
	full := strings.Repeat("p", 125)
	add("2 ping without payload", 1000, []string{"P:"}, frame(true, ws.OpPing, nil), bye)
	add("2 ping of 125", 1000, []string{"P:" + full}, frame(true, ws.OpPing, []byte(full)), bye)
	add("2 ping of 126", 1002, nil, frame(true, ws.OpPing, []byte(full+"p")), bye)
	add("2 unsolicited pong", 1000, []string{"P:x"}, frame(true, ws.OpPong, []byte("y")), frame(true, ws.OpPing, []byte("x")), bye)
	add("2 ten pings", 1000, strings.Fields(strings.Repeat("P:1 ", 10)), bytes.Repeat(frame(true, ws.OpPing, []byte("1")), 10), bye)
	for bits := byte(1); bits < 8; bits++ {
		add(fmt.Sprint("3 reserved bits ", bits), 1002, []string{"T:a"}, text("a"), rsv(bits, text("b")), bye)
		add(fmt.Sprint("3 reserved bits on a ping ", bits), 1002, nil, rsv(bits, frame(true, ws.OpPing, nil)), bye)
	}
	for _, op := range []ws.OpCode{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		add(fmt.Sprint("4 reserved opcode ", op), 1002, []string{"T:a"}, text("a"), frame(true, op, []byte("b")), bye)
	}
	first, last := frame(false, ws.OpText, []byte("one ")), frame(true, ws.OpContinuation, []byte("two"))
	add("5 fragmented ping", 1002, nil, frame(false, ws.OpPing, []byte("a")), frame(true, ws.OpContinuation, []byte("b")))
	add("5 fragmented pong", 1002, nil, frame(false, ws.OpPong, []byte("a")), frame(true, ws.OpContinuation, []byte("b")))
	add("5 fragmented close", 1002, nil, frame(false, ws.OpClose, nil))
	add("5 two fragments", 1000, []string{"T:one two"}, first, last, bye)
	add("5 ping between", 1000, []string{"P:!", "T:one two"}, first, frame(true, ws.OpPing, []byte("!")), last, bye)
	add("5 empty fragments", 1000, []string{"T:"}, frame(false, ws.OpText, nil), frame(false, 0, nil), frame(true, 0, nil), bye)
	add("5 some empty fragments", 1000, []string{"B:mid"}, frame(false, ws.OpBinary, nil), frame(false, 0, []byte("mid")), frame(true, 0, nil), bye)
	add("5 stray final continuation", 1002, nil, last, text("x"))
	add("5 stray continuation", 1002, nil, frame(false, 0, []byte("x")), text("x"))
	add("5 stray after a message", 1002, []string{"T:one two"}, first, last, last)
	add("5 new text inside", 1002, nil, first, text("new"))
	add("5 new binary inside", 1002, nil, first, frame(false, ws.OpBinary, []byte("new")))
	add("6 valid text", 1000, []string{"T:Hello-µ@ßöäüàá-UTF-8!!"}, text("Hello-µ@ßöäüàá-UTF-8!!"), bye)
	add("6 cut between bytes of a character", 1000, []string{"T:κόσμε"}, pieces("κόσμε", 1), bye)
	add("6 replacement character", 1000, []string{"T:\ufffd\U0010ffff"}, pieces("\ufffd\U0010ffff", 1), bye)
	for name, bad := range map[string]string{
		"invalid byte": "a\xffb", "overlong": "\xc0\xaf", "overlong nul": "\xe0\x80\x80", "surrogate": "\xed\xa0\x80", "surrogate pair": "\xed\xa0\x80\xed\xb0\x80",
		"above": "\xf4\x90\x80\x80", "lone continuation": "\x80", "cut": "\xce", "cut of four": "\xf0\x9f\x98", "five": "\xf8\x88\x80\x80\x80",
	} {
		add("6 "+name, 1007, nil, text(bad), bye)
		add("6 "+name+" in fragments", 1007, nil, pieces("κ"+bad, 1), bye)
		add("6 "+name+" behind", 1007, []string{"T:ok"}, text("ok"), text(strings.Repeat("x", 5000)+bad), bye)
	}
	add("6 fails before the message ends", 1007, nil, frame(false, ws.OpText, []byte("κόσ\xf4\x90")))
	add("6 fails before the frame ends", 1007, nil, frame(true, ws.OpText, []byte("κόσ\xf4\x90"+strings.Repeat("x", 9000)))[:16])
	add("7 close without payload", 0, nil, frame(true, ws.OpClose, nil), text("ignored"))
	add("7 close with one byte", 1002, nil, frame(true, ws.OpClose, []byte{3}))
	add("7 close with a reason", 1000, nil, closeFrame(1000, "bye"), text("ignored"))
	add("7 close with a full reason", 1000, nil, closeFrame(1000, strings.Repeat("r", 123)))
	add("7 close over 125", 1002, nil, closeFrame(1000, strings.Repeat("r", 124)))
	add("7 close with a bad reason", 1007, nil, closeFrame(1000, "\xed\xa0\x80"))
	add("7 close inside a message", 1000, nil, first, bye)
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		add(fmt.Sprint("7 valid code ", code), code, nil, closeFrame(code, "x"))
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		add(fmt.Sprint("7 invalid code ", code), 1002, nil, closeFrame(code, "x"))
	}
	add("W3 16-bit length for 125", 1002, nil, []byte{0x81, 0xfe, 0, 125}, []byte{1, 2, 3, 4})
	add("W3 64-bit length for 65535", 1002, nil, append([]byte{0x81, 0xff}, 0, 0, 0, 0, 0, 0, 0xff, 0xff), []byte{1, 2, 3, 4})
	add("W3 top bit", 1002, nil, append([]byte{0x81, 0xff}, 0x80, 0, 0, 0, 0, 1, 0, 0), []byte{1, 2, 3, 4})
	add("W4 unmasked", 1002, nil, []byte{0x81, 2, 'h', 'i'})
	return cases
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

// Groups 1 to 7 of Autobahn, and W1, W3, W4 of the hostile inputs, in one write
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
