package output

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestOfALongStreamTheFirstThreeQuartersAndTheLastAreKept(t *testing.T) {
	for _, c := range []struct {
		capture int
		wrote   []string
		kept    string
		head    int
		omitted int64
	}{
		{8, nil, "", 0, 0},
		{8, []string{"12345678"}, "12345678", 8, 0},
		{8, []string{"123456789"}, "12345689", 6, 1},
		{8, []string{"1234", "5678", "9", "a"}, "1234569a", 6, 2},
		{8, []string{"1234", "5678", "9abcdefghij"}, "123456ij", 6, 11},
		{8, []string{"12345678", "9", "a", "b", "c", "d"}, "123456cd", 6, 5},
		// A character that is cut is in neither part.
		{8, []string{"12345é78901"}, "1234501", 5, 5},
		{8, []string{"123456789é"}, "123456é", 6, 3},
		{8, []string{"1234567890é1"}, "1234561", 6, 6},
		{4, []string{"abc€"}, "abc", 3, 3},
		// What is no text is cut anywhere.
		{8, []string{"12345\xff78\x82\xac"}, "12345\xff\x82\xac", 6, 2},
	} {
		l := NewLog("e", Options{Capture: c.capture})
		for _, p := range c.wrote {
			l.Output(runtimes.Stdout, []byte(p))
		}
		l.Complete(nil)
		got := l.Captured(runtimes.Stdout)
		if string(got.Data) != c.kept || got.Head != c.head || got.Omitted != c.omitted || got.Truncated != (c.omitted > 0) {
			t.Errorf("%q: %q, %+v", c.wrote, got.Data, got)
		}
	}
}

func TestWhatIsCapturedDoesNotChangeAfterwards(t *testing.T) {
	l := NewLog("e", Options{Capture: 8})
	l.Output(runtimes.Stdout, []byte("0123456789"))
	before := l.Captured(runtimes.Stdout)
	l.Output(runtimes.Stdout, []byte("abc"))
	l.Complete(nil)
	after := l.Captured(runtimes.Stdout)
	if string(before.Data) != "01234589" || string(after.Data) != "01234589" || after.Omitted != 2 {
		t.Errorf("%q, %q, %+v", before.Data, after.Data, after)
	}
}

func TestWhatAProgramWritesAtOnceIsHeldOnce(t *testing.T) {
	for _, c := range []struct {
		wrote  []string
		kept   string
		shared bool
	}{
		{[]string{"01234567"}, "01234567", true},
		{[]string{"0123456789"}, "01234589", false},
		{[]string{"01234567", "89"}, "01234589", false},
		{[]string{"0123", "4567", "89"}, "01234589", false},
	} {
		l := NewLog("e", Options{Capture: 8})
		for _, p := range c.wrote {
			l.Output(runtimes.Stdout, []byte(p))
		}
		l.Complete(nil)
		got := l.Captured(runtimes.Stdout).Data
		s, _, err := l.Subscribe(Oldest, func() {})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.wrote {
			item, _ := s.Next()
			chunk := item.Chunk.Data
			if string(chunk) != want || i == 0 && (&got[0] == &chunk[0]) != c.shared {
				t.Errorf("%q: a chunk is %q", c.wrote, chunk)
			}
		}
		if string(got) != c.kept {
			t.Errorf("%q: %q", c.wrote, got)
		}
	}
}

// Whatever is written in whatever pieces: the parts are the beginning and the
// end of the stream, what is missing is counted to the byte, and text stays text.
func TestTheKeptPartsAreTheEndsOfTheStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(0, 40).Draw(t, "limit")
		text := rapid.Bool().Draw(t, "text")
		var c capture
		var wrote []byte
		for range rapid.IntRange(0, 12).Draw(t, "writes") {
			p := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")
			if text {
				p = []byte(rapid.StringN(0, 8, 24).Draw(t, "text"))
			}
			wrote = append(wrote, p...)
			c.write(p, limit)
		}
		c.seal()
		got := c.captured()
		kept := int64(len(got.Data))
		if kept > int64(limit) || got.Omitted+kept != int64(len(wrote)) {
			t.Fatalf("%d bytes kept, %d left out, of %d with a limit of %d", kept, got.Omitted, len(wrote), limit)
		}
		if kept < min(int64(limit), int64(len(wrote)))-2*(utf8.UTFMax-1) {
			t.Fatalf("only %d of %d bytes are kept", kept, limit)
		}
		if !bytes.HasPrefix(wrote, got.Data[:got.Head]) || !bytes.HasSuffix(wrote, got.Data[got.Head:]) {
			t.Fatalf("%q kept as %q, %q", wrote, got.Data[:got.Head], got.Data[got.Head:])
		}
		if text && (got.Binary() || !utf8.Valid(got.Data[:got.Head])) {
			t.Fatalf("%q is no text any more: %q", wrote, got.Data)
		}
	})
}

func TestALongWriteIsCutIntoChunksBetweenCharacters(t *testing.T) {
	l := NewLog("e", Options{})
	s := subscribe(t, l, Oldest)
	wrote := "x" + strings.Repeat("€", MaxChunk)
	l.Output(runtimes.Stdout, []byte(wrote))
	l.Complete(nil)
	var read []byte
	for _, item := range drain(s) {
		if item.Kind != ItemChunk {
			continue
		}
		if c := item.Chunk; len(c.Data) > MaxChunk || c.Binary || c.Offset != int64(len(read)) {
			t.Errorf("%d bytes at %d, binary %v", len(c.Data), c.Offset, c.Binary)
		}
		read = append(read, item.Chunk.Data...)
	}
	if string(read) != wrote {
		t.Error("the chunks are not what was written")
	}
}
