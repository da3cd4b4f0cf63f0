package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// feedAll feeds a stream in pieces of n bytes and collects the messages.
func feedAll(stream []byte, n int) (ops []string, bodies [][]byte, held int, err error) {
	var d decoder
	for len(stream) > 0 {
		now := stream[:min(n, len(stream))]
		stream = stream[len(now):]
		err = d.feed(now, func(h *header, body []byte) error {
			ops = append(ops, h.Op)
			bodies = append(bodies, bytes.Clone(body))
			h.pieces(body, func(part, []byte) {})
			return nil
		})
		held = max(held, cap(d.held))
		if err != nil {
			break
		}
	}
	return ops, bodies, held, err
}

func TestMessagesComeOutAsTheyWentInHoweverTheyAreCut(t *testing.T) {
	var stream []byte
	for _, body := range []string{"", "x", strings.Repeat("long ", 30_000)} {
		m, err := message(&header{Op: "op" + body[:min(1, len(body))], Parts: []part{{Name: "code", Bytes: len(body)}}}, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, m...)
	}
	for _, n := range []int{1, 7, 8, 4096, len(stream)} {
		ops, bodies, _, err := feedAll(stream, n)
		if err != nil || strings.Join(ops, " ") != "op opx opl" || len(bodies[2]) != 150_000 || string(bodies[1]) != "x" {
			t.Errorf("in pieces of %d: %v, %q", n, err, ops)
		}
	}
}

func TestABrokenMessageIsRefusedBeforeMemoryIsTaken(t *testing.T) {
	raw := func(head, body uint32, rest string) []byte {
		b := binary.LittleEndian.AppendUint32(nil, head)
		return append(binary.LittleEndian.AppendUint32(b, body), rest...)
	}
	for name, stream := range map[string][]byte{
		"a header of 4 GiB":      raw(1<<32-1, 0, ""),
		"a header too long":      raw(MaxHeader+1, 0, ""),
		"a body too long":        raw(2, MaxBody+1, ""),
		"no header":              raw(0, 0, ""),
		"no JSON":                raw(2, 0, "{["),
		"no object":              raw(2, 0, "[]"),
		"parts beyond the body":  raw(37, 1, `{"op":"a","parts":[{"bytes":2000000}]}`),
		"parts of negative size": raw(35, 1, `{"op":"a","parts":[{"bytes":-1000}]}`),
		"a body without parts":   raw(10, 1, `{"op":"a"} x`),
	} {
		if _, _, held, err := feedAll(stream, len(stream)); err == nil || held > 4096 {
			t.Errorf("%s: %v, %d bytes held", name, err, held)
		}
	}
	// What is announced is not what is held.
	if _, _, held, err := feedAll(raw(2, MaxBody, "{}"), 3); err != nil || held > 4096 {
		t.Errorf("%v, %d bytes held", err, held)
	}
}

func TestWhatDoesNotFitIntoAMessageIsRefused(t *testing.T) {
	for _, h := range []*header{{Op: strings.Repeat("x", MaxHeader)}, {Op: "run"}} {
		if _, err := message(h, make([]byte, MaxBody+1)); !errors.Is(err, ErrTooLong) {
			t.Error(err)
		}
	}
}

func TestTextIsCutBetweenCharacters(t *testing.T) {
	for text_, want := range map[string]int{
		strings.Repeat("a", MaxText):           MaxText,
		strings.Repeat("a", MaxText+1):         MaxText,
		"a" + strings.Repeat("é", MaxText):     MaxText - 1,
		strings.Repeat("😀", MaxText):           MaxText,
		"abc" + strings.Repeat("😀", MaxText/2): MaxText - 1,
	} {
		if got, cut := text([]byte(text_)); len(got) != want || cut != (len(text_) > MaxText) || strings.ContainsRune(got, '\uFFFD') {
			t.Errorf("%.10s… of %d bytes: %d, %v", text_, len(text_), len(got), cut)
		}
	}
	if got, _ := text([]byte("a\xff\x00b")); got != "a\uFFFD\x00b" {
		t.Errorf("%q", got)
	}
}

func FuzzMessages(f *testing.F) {
	m, _ := message(&header{Op: "result", ID: 1, Status: "ok", Parts: []part{{Name: "value", Bytes: 2}, {Name: "mime", Type: "text/html", Bytes: 1}}}, []byte("42x"))
	f.Add(m, uint8(3))
	f.Add(append(bytes.Clone(m), m...), uint8(200))
	f.Fuzz(func(t *testing.T, stream []byte, n uint8) {
		opsWhole, bodiesWhole, held, errWhole := feedAll(stream, max(1, len(stream)))
		if held > 2*len(stream)+4096 {
			t.Errorf("%d bytes held of %d", held, len(stream))
		}
		ops, bodies, _, err := feedAll(stream, int(n)+1)
		if (err == nil) != (errWhole == nil) || len(ops) != len(opsWhole) {
			t.Fatalf("whole: %v %v; in pieces: %v %v", opsWhole, errWhole, ops, err)
		}
		for i := range bodies {
			if !bytes.Equal(bodies[i], bodiesWhole[i]) {
				t.Errorf("message %d differs", i)
			}
		}
	})
}
