package websocket

import (
	"fmt"
	"strings"

	"github.com/gobwas/ws"
)

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
