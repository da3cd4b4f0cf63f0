package websocket

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gobwas/ws"
)

// Group 1: payloads round the borders of the three forms of a length.
func payloadCases() (cases []rfcCase) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536, 65537} {
		s := strings.Repeat("*", n)
		b := strings.Repeat("\xfe", n)
		cases = append(cases,
			echoed(fmt.Sprint("1 text of ", n), []string{"T:" + s}, text(s)),
			echoed(fmt.Sprint("1 binary of ", n), []string{"B:" + b}, frame(true, ws.OpBinary, []byte(b))))
	}
	return cases
}

// Group 2: a ping gets its payload back, a pong gets nothing.
func pingCases() []rfcCase {
	ping := func(payload string) []byte { return frame(true, ws.OpPing, []byte(payload)) }
	pong := func(payload string) []byte { return frame(true, ws.OpPong, []byte(payload)) }
	full, bytesOf := strings.Repeat("p", 125), "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	return []rfcCase{
		echoed("2 ping without payload", []string{"P:"}, ping("")),
		echoed("2 ping with text", []string{"P:Hello, world!"}, ping("Hello, world!")),
		echoed("2 ping with bytes", []string{"P:" + bytesOf}, ping(bytesOf)),
		echoed("2 ping of 125", []string{"P:" + full}, ping(full)),
		failed("2 ping of 126", 1002, nil, ping(full+"p")),
		failed("2 pong of 126", 1002, nil, pong(full+"p")),
		echoed("2 unsolicited pong", []string{"T:then"}, pong(""), text("then")),
		echoed("2 unsolicited pong with payload", []string{"T:then"}, pong("y"), text("then")),
		echoed("2 unsolicited pong, then a ping", []string{"P:x"}, pong("y"), ping("x")),
		echoed("2 ten pings", strings.Fields(strings.Repeat("P:1 ", 10)), bytes.Repeat(ping("1"), 10)),
		echoed("2 pings and texts in order", []string{"P:a", "T:b", "P:c", "T:d"}, ping("a"), text("b"), ping("c"), text("d")),
	}
}

// rsv sets reserved bits of a frame.
func rsv(bits byte, f []byte) []byte {
	f[0] |= bits << 4
	return f
}

// Group 3: no extension gives the reserved bits a meaning.
func reservedBitCases() (cases []rfcCase) {
	for bits := byte(1); bits < 8; bits++ {
		for name, f := range map[string][]byte{
			"a text": text("b"), "an empty text": text(""), "a binary": frame(true, ws.OpBinary, []byte{0xff}),
			"a ping": frame(true, ws.OpPing, []byte("b")), "a pong": frame(true, ws.OpPong, nil), "a close": closeFrame(1000, ""),
			"a fragment": frame(false, ws.OpText, []byte("b")),
		} {
			cases = append(cases, failed(fmt.Sprint("3 reserved bits ", bits, " on ", name), 1002, []string{"T:a"}, text("a"), rsv(bits, f)))
		}
		cases = append(cases, failed(fmt.Sprint("3 reserved bits ", bits, " on a continuation"), 1002, nil,
			frame(false, ws.OpText, []byte("a")), rsv(bits, frame(true, ws.OpContinuation, []byte("b")))))
	}
	return cases
}

// Group 4: opcodes that are reserved.
func opcodeCases() (cases []rfcCase) {
	for _, op := range []ws.OpCode{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases,
			failed(fmt.Sprint("4 reserved opcode ", op), 1002, []string{"T:a"}, text("a"), frame(true, op, []byte("b"))),
			failed(fmt.Sprint("4 reserved opcode ", op, " without payload"), 1002, nil, frame(true, op, nil)),
			failed(fmt.Sprint("4 reserved opcode ", op, " inside a message"), 1002, nil,
				frame(false, ws.OpText, []byte("a")), frame(true, op, nil)))
	}
	return cases
}

// Group 5: fragments, and what may come between them.
func fragmentCases() []rfcCase {
	first, middle := frame(false, ws.OpText, []byte("one ")), frame(false, ws.OpContinuation, []byte("and "))
	last, ping := frame(true, ws.OpContinuation, []byte("two")), frame(true, ws.OpPing, []byte("!"))
	return []rfcCase{
		failed("5 fragmented ping", 1002, nil, frame(false, ws.OpPing, []byte("a")), frame(true, ws.OpContinuation, []byte("b"))),
		failed("5 fragmented pong", 1002, nil, frame(false, ws.OpPong, []byte("a")), frame(true, ws.OpContinuation, []byte("b"))),
		failed("5 fragmented close", 1002, nil, frame(false, ws.OpClose, nil)),
		echoed("5 two fragments", []string{"T:one two"}, first, last),
		echoed("5 three fragments", []string{"T:one and two"}, first, middle, last),
		echoed("5 ping between", []string{"P:!", "T:one two"}, first, ping, last),
		echoed("5 pong between", []string{"T:one two"}, first, frame(true, ws.OpPong, []byte("?")), last),
		echoed("5 pings between all", []string{"P:!", "P:!", "T:one and two"}, first, ping, middle, ping, last),
		echoed("5 two messages of fragments", []string{"T:one two", "T:one and two"}, first, last, first, middle, last),
		echoed("5 empty fragments", []string{"T:"}, frame(false, ws.OpText, nil), frame(false, 0, nil), frame(true, 0, nil)),
		echoed("5 some empty fragments", []string{"B:mid"}, frame(false, ws.OpBinary, nil), frame(false, 0, []byte("mid")), frame(true, 0, nil)),
		failed("5 stray final continuation", 1002, nil, last),
		failed("5 stray empty continuation", 1002, nil, frame(true, 0, nil)),
		failed("5 stray continuation", 1002, nil, frame(false, 0, []byte("x"))),
		failed("5 stray behind a text", 1002, []string{"T:a"}, text("a"), last),
		failed("5 stray behind a message", 1002, []string{"T:one two"}, first, last, last),
		failed("5 open stray behind a message", 1002, []string{"T:one two"}, first, last, middle),
		failed("5 stray behind a ping", 1002, []string{"P:!"}, ping, last),
		failed("5 new text inside", 1002, nil, first, text("new")),
		failed("5 new open text inside", 1002, nil, first, first),
		failed("5 new binary inside", 1002, nil, first, frame(false, ws.OpBinary, []byte("new"))),
		failed("5 new text behind a ping inside", 1002, []string{"P:!"}, first, ping, text("new")),
	}
}

// Headers that the RFC forbids.
func headerCases() []rfcCase {
	mask := []byte{1, 2, 3, 4}
	return []rfcCase{
		failed("16-bit length for 0", 1002, nil, []byte{0x81, 0xfe, 0, 0}, mask),
		failed("16-bit length for 125", 1002, nil, []byte{0x81, 0xfe, 0, 125}, mask),
		failed("16-bit length of a ping for 5", 1002, nil, []byte{0x89, 0xfe, 0, 5}, mask),
		failed("64-bit length for 125", 1002, nil, []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 125}, mask),
		failed("64-bit length for 65535", 1002, nil, []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, mask),
		failed("top bit", 1002, nil, []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0}, mask),
		failed("unmasked text", 1002, nil, []byte{0x81, 2, 'h', 'i'}),
		failed("unmasked empty text", 1002, nil, []byte{0x81, 0}),
		failed("unmasked ping", 1002, nil, []byte{0x89, 0}),
		failed("unmasked close", 1002, nil, []byte{0x88, 0}),
		failed("unmasked behind a masked one", 1002, []string{"T:a"}, text("a"), []byte{0x81, 1, 'b'}),
	}
}

// Group 7: the closing handshake, and nothing behind it.
func closeCases() []rfcCase {
	first, last := frame(false, ws.OpText, []byte("one ")), frame(true, ws.OpContinuation, []byte("two"))
	ping, big := frame(true, ws.OpPing, nil), strings.Repeat("*", 256<<10)
	return []rfcCase{
		echoed("7 close behind a text", []string{"T:a"}, text("a")),
		{"7 two closes", [][]byte{bye, closeFrame(1001, "")}, nil, 1000},
		{"7 ping behind the close", [][]byte{bye, ping}, nil, 1000},
		{"7 text behind the close", [][]byte{bye, text("ignored")}, nil, 1000},
		{"7 garbage behind the close", [][]byte{bye, {0xff, 0xff, 0xff}}, nil, 1000},
		{"7 close inside a message", [][]byte{first, bye, last}, nil, 1000},
		{"7 close behind much", [][]byte{text(big), bye, ping}, []string{"T:" + big}, 1000},
		{"7 close without payload", [][]byte{frame(true, ws.OpClose, nil), text("ignored")}, nil, 0},
		failed("7 close with one byte", 1002, nil, frame(true, ws.OpClose, []byte{3})),
		{"7 close with a code", [][]byte{closeFrame(1000, "")}, nil, 1000},
		{"7 close with a reason", [][]byte{closeFrame(1000, "Hello World!")}, nil, 1000},
		{"7 close with a full reason", [][]byte{closeFrame(1000, strings.Repeat("r", 123))}, nil, 1000},
		failed("7 close over 125", 1002, nil, closeFrame(1000, strings.Repeat("r", 124))),
		failed("7 close with a bad reason", 1007, nil, closeFrame(1000, "κόσμε\xed\xa0\x80edited")),
		failed("7 close with an unfinished reason", 1007, nil, closeFrame(1000, "\xce")),
	}
}

// Group 7.7 and 7.9, and what the registry of IANA has added since.
func closeCodeCases() (cases []rfcCase) {
	for _, code := range []uint16{
		1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
	} {
		cases = append(cases,
			rfcCase{fmt.Sprint("7 valid code ", code), [][]byte{closeFrame(code, "")}, nil, code},
			rfcCase{fmt.Sprint("7 valid code with a reason ", code), [][]byte{closeFrame(code, "x")}, nil, code})
	}
	for _, code := range []uint16{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases = append(cases,
			failed(fmt.Sprint("7 invalid code ", code), 1002, nil, closeFrame(code, "")),
			failed(fmt.Sprint("7 invalid code with a reason ", code), 1002, nil, closeFrame(code, "x")))
	}
	return cases
}
