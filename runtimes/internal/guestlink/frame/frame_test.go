package frame

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestFramesOfEverySizeArriveAsSent(t *testing.T) {
	var stream []byte
	sizes := []int{0, 1, 11, 12, 13, small, small + 1, 4095, 4096, MaxData - 1, MaxData, MaxData + 1, 1 << 20}
	for i, n := range sizes {
		stream = Append(stream, Header{Kind: KindStart, Detail: uint8(i), Execution: uint32(i) << 20}, bytes.Repeat([]byte{byte(i)}, n))
	}
	for name, r := range map[string]io.Reader{
		"at once": bytes.NewReader(stream), "in halves": iotest.HalfReader(bytes.NewReader(stream)), "with the error": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		reader := NewReader(r, MaxControl)
		for i, n := range sizes {
			h, payload, err := reader.Next()
			if err != nil || h.Kind != KindStart || h.Detail != uint8(i) || h.Execution != uint32(i)<<20 || len(payload) != n {
				t.Fatalf("%s: frame %d: %+v, %d bytes, %v", name, i, h, len(payload), err)
			}
			if bytes.Count(payload, []byte{byte(i)}) != n {
				t.Errorf("%s: frame %d has other bytes", name, i)
			}
		}
		if _, _, err := reader.Next(); err != io.EOF {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
}

func TestAPromisedLengthReservesNothing(t *testing.T) {
	head := make([]byte, HeaderSize)
	Header{Kind: KindStart, Length: MaxControl}.Put(head)
	grown := testing.AllocsPerRun(1, func() {
		if _, _, err := NewReader(bytes.NewReader(head), MaxControl).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
	})
	if grown > 20 {
		t.Errorf("%v allocations", grown)
	}
	Header{Kind: KindStart, Length: MaxControl + 1}.Put(head)
	if _, _, err := NewReader(bytes.NewReader(head), MaxControl).Next(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestEveryKindHasAName(t *testing.T) {
	for k := Kind(1); k < kindCount; k++ {
		if kindNames[k] == "" {
			t.Errorf("kind %d has none", k)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(Append(nil, Header{Kind: KindOutput, Detail: 1, Execution: 7}, []byte("text")))
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		reader := NewReader(bytes.NewReader(stream), MaxData)
		var again []byte
		for {
			h, payload, err := reader.Next()
			if err != nil {
				break
			}
			if len(payload) != int(h.Length) || len(payload) > MaxData {
				t.Fatalf("%+v with %d bytes", h, len(payload))
			}
			again = Append(again, h, payload)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Error("what was read is not what was sent")
		}
	})
}
