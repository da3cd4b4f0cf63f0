package jsonrpc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

type longResult struct {
	Path string `json:"path"`
	A    string `json:"a"`
	B    string `json:"b"`
	Note string `json:"note"`
}

// Whatever the texts are and in whatever pieces they are written: what comes out
// is the message that the encoder would have made, and Size is its size.
func TestAMessageInPiecesIsTheWholeMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string {
			return strings.Repeat(rapid.String().Draw(t, label), rapid.IntRange(0, 400).Draw(t, label+" times"))
		}
		want := longResult{Path: rapid.String().Draw(t, "path") + `"a":""`, A: text("a"), Note: `"b":""`}
		b := []byte(text("b"))
		cut := rapid.IntRange(0, len(b)).Draw(t, "cut")
		skeleton := want
		skeleton.A = ""
		message, err := jsonrpc.AppendResult(nil, jsonrpc.ID(`"\"a\":\"\""`), &skeleton)
		if err != nil {
			t.Fatal(err)
		}
		l := jsonrpc.Split(message, []jsonrpc.LongText{
			{Member: "a", First: []byte(want.A)}, {Member: "b", First: b[:cut], Last: b[cut:], Base64: true},
		})
		size := l.Size()
		var got []byte
		for most := rapid.IntRange(1, 40_000).Draw(t, "most"); ; {
			n := len(got)
			if got = l.Append(got, most); len(got) == n {
				break
			}
		}
		if len(got) != size {
			t.Fatalf("%d bytes, not %d", len(got), size)
		}
		var back struct {
			Result struct {
				longResult
				B []byte `json:"b"`
			}
		}
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		r := back.Result
		if r.Path != want.Path || r.A != want.A || r.Note != want.Note || string(r.B) != string(b) {
			t.Fatalf("%+v is not %+v", r, want)
		}
	})
}

// A batch with replies in pieces is as large as its client takes, and each reply
// for which there is no room says so.
func TestABatchOfRepliesInPiecesFits(t *testing.T) {
	const most = 4000
	out := &boundedMessages{most: most}
	var calls later
	new(jsonrpc.Parser).Parse([]byte("["+requests(3, ",")+"]"), out, jsonrpc.HandlerFunc(calls.serve))
	released := 0
	for i, size := range []int{1000, 5000, 1500} {
		head, _ := jsonrpc.AppendResult(nil, calls.ids[i], &longResult{})
		l := jsonrpc.Split(head, []jsonrpc.LongText{{Member: "a", First: []byte(strings.Repeat("x", size))}})
		l.OnRelease(func() { released++ })
		calls.to[i].(jsonrpc.LargeReplier).ReplyLarge(l)
	}
	var replies []struct {
		ID     int
		Result *longResult
		Error  *struct {
			Code int
			Data struct{ Limit string }
		}
	}
	if len(out.sent) != 1 || len(out.sent[0]) > most {
		t.Fatalf("%d messages: %s", len(out.sent), out.sent)
	}
	if err := json.Unmarshal([]byte(out.sent[0]), &replies); err != nil || len(replies) != 3 {
		t.Fatalf("%v: %s", err, out.sent)
	}
	if r := replies[1]; r.Error == nil || r.Error.Code != -32010 || r.Error.Data.Limit != "maxMessageBytes" || r.ID != 1 {
		t.Errorf("%+v", r)
	}
	if replies[0].Result == nil || len(replies[2].Result.A) != 1500 || released != 3 {
		t.Errorf("%+v, %d released", replies, released)
	}
}

// boundedMessages is a Replier that takes no message above a size.
type boundedMessages struct {
	messages
	most int
}

func (m *boundedMessages) Room() int { return m.most }
