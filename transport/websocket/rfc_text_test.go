package websocket

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// validTexts are those of group 6 that must pass: the first and last of each
// length, the borders round the surrogates, and what is no character but no
// error either.
var validTexts = map[string]string{
	"nothing":                    "",
	"several lengths":            "Hello-µ@ßöäüàá-UTF-8!!",
	"Greek":                      "κόσμε",
	"first of each length":       "\x00\u0080\u0800\U00010000",
	"last of each length":        "\u007f\u07ff\uffff\U0010ffff",
	"beside the surrogates":      "\ud7ff\ue000",
	"replacement character":      "\ufffd\ufffd",
	"not characters":             "\ufffe\uffff\ufdd0\ufdef\U0001fffe\U0010ffff",
	"byte order mark":            "\ufeffx",
	"other end of line":          "\u2028\u0085\r\n",
	"joined emoji":               "👩‍👩‍👧‍👦",
	"four bytes beside one":      "a\U0001f600b",
	"combining marks":            "e\u0301",
	"right to left":              "\u202eabc\u202c",
	"control characters, escape": "\x1b[31m\x00\x7f",
}

// badTexts are those of group 6 that must fail, by the byte, counted from 0, at
// which no continuation can make them right.
var badTexts = map[string]struct {
	text  string
	fatal int
}{
	"a lone continuation":           {"\x80", 0},
	"a last continuation":           {"\xbf", 0},
	"continuations":                 {"\x80\xbf\x80", 0},
	"a continuation behind a text":  {"κόσμε\x80", 10},
	"a start before a space":        {"\xc3 ", 1},
	"a start of three, a space":     {"\xe0\xa0 ", 2},
	"a start of four, a space":      {"\xf0\x90\x80 ", 3},
	"two starts":                    {"\xce\xce", 1},
	"parts side by side":            {"\xe0\xa0\xf0\x90", 2},
	"byte fe":                       {"\xfe", 0},
	"byte ff":                       {"a\xffb", 1},
	"overlong slash of two":         {"\xc0\xaf", 0},
	"overlong slash of three":       {"\xe0\x80\xaf", 1},
	"overlong slash of four":        {"\xf0\x80\x80\xaf", 1},
	"overlong slash of five":        {"\xf8\x80\x80\x80\xaf", 0},
	"overlong slash of six":         {"\xfc\x80\x80\x80\x80\xaf", 0},
	"largest overlong of two":       {"\xc1\xbf", 0},
	"largest overlong of three":     {"\xe0\x9f\xbf", 1},
	"largest overlong of four":      {"\xf0\x8f\xbf\xbf", 1},
	"overlong nul of two":           {"\xc0\x80", 0},
	"overlong nul of three":         {"\xe0\x80\x80", 1},
	"first surrogate":               {"\xed\xa0\x80", 1},
	"last surrogate":                {"\xed\xbf\xbf", 1},
	"a pair of surrogates":          {"\xed\xa0\x80\xed\xb0\x80", 1},
	"a surrogate inside a text":     {"κόσμε\xed\xa0\x80edited", 11},
	"above the last":                {"\xf4\x90\x80\x80", 1},
	"above the last, behind a text": {"κόσμε\xf4\x90\x80\x80edited", 11},
	"a start above the last":        {"\xf5\x80\x80\x80", 0},
	"five bytes":                    {"\xf8\x88\x80\x80\x80", 0},
	"six bytes":                     {"\xfc\x84\x80\x80\x80\x80", 0},
}

// cutTexts are right so far and end inside a character.
var cutTexts = map[string]string{
	"two": "\xce", "three": "\xe2\x82", "three after one": "\xe2", "four": "\xf0\x9f\x98", "four after one": "\xf0", "behind a text": "κόσμ\xce",
}

// Group 6: a text is UTF-8, wherever it is cut.
func textCases() (cases []rfcCase) {
	for name, s := range validTexts {
		name = "6 valid: " + name
		cases = append(cases,
			echoed(name, []string{"T:" + s}, text(s)),
			echoed(name+", a byte a fragment", []string{"T:" + s}, pieces(s, 1)),
			echoed(name+", behind much", []string{"T:" + strings.Repeat("x", 5000) + s}, text(strings.Repeat("x", 5000)+s)))
		for at := 1; at < len(s); at++ {
			cases = append(cases, echoed(fmt.Sprint(name, ", cut at ", at), []string{"T:" + s},
				frame(false, ws.OpText, []byte(s[:at])), frame(true, ws.OpContinuation, []byte(s[at:]))))
		}
	}
	for name, bad := range badTexts {
		name = "6 invalid: " + name
		cases = append(cases,
			failed(name, 1007, nil, text(bad.text)),
			failed(name+", a byte a fragment", 1007, nil, pieces(bad.text, 1)),
			failed(name+", behind much", 1007, []string{"T:ok"}, text("ok"), text(strings.Repeat("x", 5000)+bad.text)))
	}
	for name, s := range cutTexts {
		name = "6 unfinished: " + name
		cases = append(cases,
			failed(name, 1007, nil, text(s)),
			failed(name+", a byte a fragment", 1007, nil, pieces(s, 1)),
			failed(name+", then an empty fragment", 1007, nil, frame(false, ws.OpText, []byte(s)), frame(true, ws.OpContinuation, nil)))
	}
	return append(cases, echoed("6 binary is not looked at", []string{"B:\xff\xc0\x80"}, frame(true, ws.OpBinary, []byte("\xff\xc0\x80"))))
}

// Group 6.4: the connection fails at the byte that cannot be right, and not
// before, though neither the frame nor the message is complete.
func TestInvalidTextFailsAtItsFirstWrongByte(t *testing.T) {
	for name, bad := range badTexts {
		t.Run(name+", by fragments", func(t *testing.T) {
			h := newEcho()
			p, _ := connect(t, "socket", Options{}, h)
			p.write(frame(false, ws.OpText, []byte(bad.text[:bad.fatal])), frame(true, ws.OpPing, []byte("still")))
			if f, ok := p.read(); !ok || f.Header.OpCode != ws.OpPong {
				t.Fatalf("failed before the byte: %v", f.Header)
			}
			p.write(frame(false, ws.OpContinuation, []byte(bad.text[bad.fatal:bad.fatal+1])))
			p.wantClose(1007)
		})
		t.Run(name+", inside a frame", func(t *testing.T) {
			h := newEcho()
			p, _ := connect(t, "socket", Options{}, h)
			begun := len(header(1, true)) + bad.fatal + 1
			p.write(append(header(100_000, true), bad.text...)[:begun])
			p.wantClose(1007)
		})
	}
}
