package transport

import (
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// chunkHead is the beginning of every execution.output of a stream.
func chunkHead(session, execution string) []byte {
	head := []byte(`{"jsonrpc":"2.0","method":"` + protocol.NotifyOutput + `","params":{"sessionId":`)
	head = jsonrpc.AppendText(head, []byte(session))
	head = append(head, `,"executionId":`...)
	head = jsonrpc.AppendText(head, []byte(execution))
	return append(head, `,"stream":"`...)
}

// appendChunk appends a protocol.ExecutionOutput as a notification of most bytes
// at most; zero is any size. Output is the most of what a server sends, so it is
// written by hand.
func appendChunk(dst, head []byte, c *output.Chunk, most int) []byte {
	start := len(dst)
	size := len(c.Data)
	if c.Binary {
		size = base64.StdEncoding.EncodedLen(size)
	}
	dst = slices.Grow(dst, len(head)+size+chunkRoom)
	dst = append(dst, head...)
	dst = append(dst, c.Stream.String()...)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendInt(dst, c.Seq, 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, c.Offset, 10)
	dst = append(dst, `,"data":`...)
	if !c.Binary {
		at := len(dst)
		dst = append(jsonrpc.AppendText(dst, c.Data), '}', '}')
		if !tooMuchEscape(len(c.Data), len(dst)-at) && (most == 0 || len(dst)-start <= most) {
			return dst
		}
		dst = dst[:at]
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, c.Data)
	return append(dst, `","encoding":"`+string(protocol.Base64)+`"}}`...)
}

// chunkRoom is about what a chunk takes besides its head and its data.
const chunkRoom = 128
