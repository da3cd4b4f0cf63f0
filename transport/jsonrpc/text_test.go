package jsonrpc

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzTextIsReadAsItWas(f *testing.F) {
	for _, seed := range []string{"", "plain", "\"\\\n\r\t\x00\x1f\x7f", "wörter, 言葉 \u2028 🦫", strings.Repeat("a\n", 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip()
		}
		got := ""
		encoded := AppendText([]byte("x"), []byte(text))
		if err := json.Unmarshal(encoded[1:], &got); err != nil || got != text || encoded[0] != 'x' {
			t.Errorf("%q became %q: %v", text, encoded, err)
		}
		if !valid(encoded[1:]) {
			t.Errorf("%q is not valid by our own rules", encoded[1:])
		}
	})
}

func TestEveryByteIsEscapedWhereverItStands(t *testing.T) {
	for c := range rune(0x100) {
		for at := range 17 {
			text := strings.Repeat("é", at/2) + strings.Repeat("z", at%2) + string(c) + strings.Repeat("!", 17-at) + string(c)
			got := ""
			if encoded := AppendText(nil, []byte(text)); json.Unmarshal(encoded, &got) != nil || got != text {
				t.Fatalf("%q became %s", text, encoded)
			}
		}
	}
}
