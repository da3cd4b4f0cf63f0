package rpc

import (
	"encoding/base64"
	"testing"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// What is written by hand has the members and the order of the type that the
// documents describe.
func TestAChunkIsWrittenAsTheEncoderWouldWriteIt(t *testing.T) {
	for _, data := range []string{"x", "a line\n", "\"quoted\"\\\t", "wörter 🦫", "\xff\x00\xfe", "\xe2\x82"} {
		for _, stream := range []runtimes.Stream{runtimes.Stdout, runtimes.Stderr, runtimes.Terminal} {
			c := &output.Chunk{Stream: stream, Seq: 12, Offset: 1 << 40, Data: []byte(data), Binary: !utf8.ValidString(data)}
			want := &protocol.ExecutionOutput{SessionID: "n1.S", ExecutionID: "E", Stream: stream.String(), Seq: 12, Offset: 1 << 40, Data: data}
			if c.Binary {
				want.Data, want.Encoding = base64.StdEncoding.EncodeToString([]byte(data)), protocol.Base64
			}
			text, err := jsonrpc.AppendNotification(nil, protocol.NotifyOutput, want)
			if err != nil {
				t.Fatal(err)
			}
			if got := appendChunk(nil, chunkHead("n1.S", "E"), c, 0); string(got) != string(text) {
				t.Errorf("%q:\n%s\n%s", data, got, text)
			}
		}
	}
}

// Claim: a chunk is encoded at the speed of memory, without an allocation.
func BenchmarkAppendChunk(b *testing.B) {
	lines := make([]byte, 32<<10)
	for i := range lines {
		lines[i] = "the quick brown fox jumps over the lazy dog, again and again.\n"[i%62]
	}
	for name, c := range map[string]*output.Chunk{
		"text": {Stream: runtimes.Stdout, Data: lines}, "binary": {Stream: runtimes.Stdout, Data: lines, Binary: true},
	} {
		b.Run(name, func(b *testing.B) {
			head, dst := chunkHead("n1.01J00000000000000000000000", "01J00000000000000000000000"), make([]byte, 0, 64<<10)
			b.SetBytes(int64(len(c.Data)))
			b.ReportAllocs()
			for b.Loop() {
				dst = appendChunk(dst[:0], head, c, 0)
			}
		})
	}
}
