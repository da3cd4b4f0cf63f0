package websocket

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// heard keeps what a decoder or the oracle finds, until a close frame.
type heard struct{ events []string }

var errEnd = errors.New("close frame")

func (h *heard) message(p []byte, binary bool) error {
	h.add(map[bool]string{true: "binary ", false: "text "}[binary], p)
	return nil
}

func (h *heard) reserve(int64) error { return nil }

func (h *heard) control(op ws.OpCode, p []byte) error {
	h.add("control "+string('0'+rune(op)), p)
	if op == ws.OpClose {
		return errEnd
	}
	return nil
}

func (h *heard) add(kind string, p []byte) {
	h.events = append(h.events, kind+" "+hex.EncodeToString(p))
}

const fuzzLimit = 1000

// oracle reads the same bytes with wsutil.Reader.
func oracle(input []byte) (events []string, err error) {
	var h heard
	r := wsutil.Reader{
		Source: bytes.NewReader(input), State: ws.StateServerSide, CheckUTF8: true,
		MaxFrameSize: fuzzLimit, MaxMessageSize: fuzzLimit,
	}
	r.OnIntermediate = func(hd ws.Header, src io.Reader) error {
		p, err := io.ReadAll(src)
		if err == nil && int64(len(p)) < hd.Length {
			err = io.ErrUnexpectedEOF // theirs takes the end of the stream for that of the frame
		}
		if err != nil {
			return err
		}
		return h.control(hd.OpCode, p)
	}
	for {
		hd, err := r.NextFrame()
		if err != nil {
			return h.events, err
		}
		if hd.OpCode.IsControl() {
			err = r.OnIntermediate(hd, &r)
		} else {
			var p []byte
			if p, err = io.ReadAll(&r); err == nil {
				err = h.message(p, hd.OpCode == ws.OpBinary)
			}
		}
		if err != nil {
			return h.events, err
		}
	}
}

// FuzzDecoder holds the decoder against gobwas' own reader, and against itself
// with the bytes in pieces. They differ in the shortest form of lengths, which
// theirs does not check, and in that ours fails at the first bad byte of UTF-8,
// so that ours may refuse where theirs waits for more or serves.
func FuzzDecoder(f *testing.F) {
	for _, c := range rfcCases() {
		f.Add(bytes.Join(c.send, nil), uint8(3))
	}
	f.Fuzz(func(t *testing.T, input []byte, piece uint8) {
		theirs, theirErr := oracle(slices.Clone(input))

		var whole heard
		d := decoder{side: ws.StateServerSide, limit: fuzzLimit}
		err := d.feed(slices.Clone(input), &whole)
		d.release()

		var parts heard
		d = decoder{side: ws.StateServerSide, limit: fuzzLimit}
		var partsErr error
		for rest := slices.Clone(input); len(rest) > 0 && partsErr == nil; {
			n := min(int(piece)%64+1, len(rest))
			partsErr = d.feed(rest[:n], &parts)
			rest = rest[n:]
		}
		d.release()

		if !slices.Equal(whole.events, parts.events) || (err == nil) != (partsErr == nil) {
			t.Fatalf("in pieces of %d: %q, %v\nwhole: %q, %v", piece%64+1, parts.events, partsErr, whole.events, err)
		}
		if ours := asCloseError(err); err != nil && (ours.Code == 1007 || ours.Reason == "payload length is not in its shortest form") {
			if len(theirs) < len(whole.events) || !slices.Equal(whole.events, theirs[:len(whole.events)]) {
				t.Fatalf("ours %q, %v\ntheirs %q, %v", whole.events, err, theirs, theirErr)
			}
			return
		}
		if !slices.Equal(whole.events, theirs) {
			t.Fatalf("ours %q, %v\ntheirs %q, %v", whole.events, err, theirs, theirErr)
		}
		if complete := errors.Is(theirErr, io.EOF) || errors.Is(theirErr, io.ErrUnexpectedEOF); complete != (err == nil) {
			t.Fatalf("ours %v, theirs %v", err, theirErr)
		}
	})
}

// FuzzFrame checks that a frame of ours is read as it was written, by both
// sides.
func FuzzFrame(f *testing.F) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 70000} {
		f.Add(bytes.Repeat([]byte("x"), n), true)
		f.Add(bytes.Repeat([]byte("y"), n), false)
	}
	f.Fuzz(func(t *testing.T, payload []byte, masked bool) {
		encode := func(dst []byte) []byte { return append(dst, payload...) }
		b := appendFrame([]byte("before"), ws.OpBinary, masked, nil, encode)
		one := len(b)
		b = appendFrame(b, ws.OpBinary, masked, nil, encode)
		if string(b[:6]) != "before" {
			t.Fatal("what was there is changed")
		}
		r := bytes.NewReader(b[6:])
		h, err := ws.ReadHeader(r)
		if err != nil || h.Masked != masked || !h.Fin || h.Length != int64(len(payload)) {
			t.Fatalf("%v, %v", h, err)
		}
		got := make([]byte, len(payload))
		if _, err := io.ReadFull(r, got); err != nil {
			t.Fatal(err)
		}
		if masked {
			ws.Cipher(got, h.Mask, 0)
		}
		if !bytes.Equal(got, payload) {
			t.Fatal("another payload")
		}
		for i, want := range map[int]int{0: 0, 1: one - 6, one - 7: one - 6, one - 6: one - 6, one - 5: len(b) - 6} {
			if end := frameEnd(b[6:], i); end != want {
				t.Fatalf("frameEnd(%d) is %d, want %d", i, end, want)
			}
		}
	})
}
