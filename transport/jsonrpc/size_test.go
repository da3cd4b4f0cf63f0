package jsonrpc

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

var texts = rapid.OneOf(
	rapid.String(),
	rapid.StringOfN(rapid.RuneFrom([]rune("a\x00\b\f\n\r\t\"\\\x1b\x7fé€🦫\u2028\u2029<>&")), 0, 60, -1),
)

// What TextSize says is what is written, by whichever encoder, or a little more.
func TestTextSizeIsEnoughForEveryEncoder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		size := TextSize([]byte(text)) + len(`""`)
		if got := len(AppendText(nil, []byte(text))); got > size {
			t.Errorf("AppendText: %d bytes, not %d", got, size)
		} else if exact := TextBytes([]byte(text)) + len(`""`); got != exact {
			t.Errorf("AppendText: %d bytes, not the %d that TextBytes says", got, exact)
		}
		encoded, err := AppendValue(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(encoded); got > size {
			t.Errorf("AppendValue: %d bytes, not %d", got, size)
		}
	})
}

func TestTextHeadAndTailTakeAsMuchAsFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text []byte
		part := texts.Draw(t, "part")
		for range rapid.IntRange(1, 300).Draw(t, "times") {
			text = append(text, part...)
		}
		most := rapid.IntRange(0, 2*len(text)+1).Draw(t, "most")
		head := TextHead(text, most)
		tail, size := TextTail(text, most)
		if size != TextBytes(text[len(text)-tail:]) {
			t.Errorf("%d bytes have the size %d, not %d", tail, TextBytes(text[len(text)-tail:]), size)
		}
		for name, kept := range map[string][]byte{"head": text[:head], "tail": text[len(text)-tail:]} {
			if !utf8.Valid(kept) || TextBytes(kept) > most {
				t.Errorf("%s: %d bytes of size %d, not %d", name, len(kept), TextBytes(kept), most)
			}
			if len(kept) < len(text) && TextBytes(kept)+6 < most {
				t.Errorf("%s: only %d of %d", name, TextBytes(kept), most)
			}
		}
	})
}

// Claim: output is measured at the speed of memory.
func BenchmarkTextSize(b *testing.B) {
	lines := make([]byte, 1<<20)
	for i := range lines {
		lines[i] = "the quick brown fox jumps over the lazy dog, again and again.\n"[i%62]
	}
	b.SetBytes(int64(len(lines)))
	for b.Loop() {
		TextSize(lines)
	}
}
