package docker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/iotest"

	"github.com/docker/docker/api/types"
)

func framed(stream byte, text string) []byte {
	header := binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(text)))
	return append(header, text...)
}

// reading makes a link that reads those bytes.
func reading(r io.Reader) *stdio {
	client, server := net.Pipe()
	server.Close()
	return &stdio{
		log:  slog.New(slog.DiscardHandler),
		conn: types.HijackedResponse{Conn: client, Reader: bufio.NewReader(r)},
	}
}

func TestTheLinkReadsStandardOutputHoweverItIsCut(t *testing.T) {
	var stream []byte
	for _, f := range [][]byte{
		framed(streamStdout, "one "), framed(streamStderr, "a complaint"), framed(streamStdout, ""), framed(streamStdout, "two"),
	} {
		stream = append(stream, f...)
	}
	for name, cut := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
	} {
		link := reading(cut(bytes.NewReader(stream)))
		if got, err := io.ReadAll(link); err != nil || string(got) != "one two" {
			t.Errorf("%s: read %q, %v", name, got, err)
		}
		link.Close()
	}
}

func TestALinkThatIsNotAttachedTakesNothing(t *testing.T) {
	link := &stdio{}
	if _, err := link.Write([]byte("x")); err == nil {
		t.Error("the write succeeded")
	}
	if err := link.Close(); err != nil {
		t.Error(err)
	}
}

// The engine, or what answers in its place, may send anything.
func FuzzStdioFrames(f *testing.F) {
	f.Add(append(framed(streamStdout, "x"), framed(streamStderr, "y")...))
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 'x'})
	f.Add([]byte{9, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		link := reading(bytes.NewReader(stream))
		defer link.Close()
		got, _ := io.ReadAll(link)
		if len(got) > len(stream) {
			t.Errorf("%d bytes became %d", len(stream), len(got))
		}
	})
}
