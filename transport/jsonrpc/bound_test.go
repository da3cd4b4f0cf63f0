package jsonrpc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

func TestAMessageAboveTheBoundIsReplacedByAnErrorThatNamesIt(t *testing.T) {
	long := strings.Repeat("x", 2000)
	result := func(id string) []byte {
		b, _ := jsonrpc.AppendResult(nil, jsonrpc.ID(id), long)
		return b
	}
	failed := jsonrpc.AppendError(nil, jsonrpc.ID(`"a"`), jsonrpc.Errorf(-32009, "%s", long))
	note, _ := jsonrpc.AppendNotification(nil, "n", long)
	for _, c := range []struct {
		name, id string
		message  []byte
		code     int
	}{
		{"result", `7`, result("7"), -32010},
		{"result with a text as id", `"},\""`, result(`"},\""`), -32010},
		{"result with a long id", `null`, result(`"` + long + `"`), -32010},
		{"error", `"a"`, failed, -32009},
		{"batch", `null`, append(append([]byte("["), result("1")...), ']'), -32010},
		{"notification", "", note, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := jsonrpc.Bound(append([]byte("before"), c.message...), 6, len(c.message)); string(got) != "before"+string(c.message) {
				t.Errorf("what fits was changed: %s", got)
			}
			got, ok := strings.CutPrefix(string(jsonrpc.Bound(append([]byte("before"), c.message...), 6, len(c.message)-1)), "before")
			if !ok || c.code == 0 {
				if got != "" {
					t.Errorf("got %s", got)
				}
				return
			}
			var m struct {
				ID    json.RawMessage
				Error struct {
					Code int
					Data struct {
						Limit          string
						Maximum, Count int
					}
				}
			}
			if err := json.Unmarshal([]byte(got), &m); err != nil || string(m.ID) != c.id || m.Error.Code != c.code {
				t.Fatalf("%v: %s", err, got)
			}
			if d := m.Error.Data; d.Limit != "maxMessageBytes" || d.Maximum != len(c.message)-1 || d.Count != len(c.message) {
				t.Errorf("data %+v", d)
			}
		})
	}
}

// bounded is messages that takes no larger ones than room.
type bounded struct {
	messages
	room int
}

func (b *bounded) Room() int { return b.room }

func TestEachReplyOfABatchGetsItsShareAndWhatDoesNotFitIsRefusedAlone(t *testing.T) {
	out := &bounded{room: 8 << 10}
	var calls later
	new(jsonrpc.Parser).Parse([]byte("["+requests(4, ",")+"]"), out, jsonrpc.HandlerFunc(calls.serve))
	reply := func(i, size int) {
		calls.to[i].Reply(func(dst []byte) []byte {
			dst, _ = jsonrpc.AppendResult(dst, calls.ids[i], strings.Repeat("x", size))
			return dst
		})
	}
	share := func() int { return calls.to[0].(jsonrpc.Bounded).Room() }
	if got := share(); got < 2000 || got > 2048 {
		t.Errorf("the first of four may have %d bytes", got)
	}
	reply(0, 10)
	if got := share(); got < 2600 || got > 2730 {
		t.Errorf("the second may have %d bytes", got)
	}
	reply(1, 6000) // more than its share, and still there is room to refuse the others
	reply(2, 6000)
	reply(3, 10)
	var replies []struct {
		ID     int
		Result *string
		Error  *struct{ Code int }
	}
	if len(out.sent) != 1 || json.Unmarshal([]byte(out.sent[0]), &replies) != nil || len(out.sent[0]) > out.room || len(replies) != 4 {
		t.Fatalf("%d messages, %d replies", len(out.sent), len(replies))
	}
	for i, r := range replies {
		if refused := r.Error != nil && r.Error.Code == -32010; refused != (i == 2) || r.ID != i {
			t.Errorf("reply %d: %+v", i, r)
		}
	}
}

func TestABatchOfIdsAloneMayBeTooLarge(t *testing.T) {
	out := &bounded{room: 1 << 10}
	var calls later
	new(jsonrpc.Parser).Parse([]byte("["+requests(40, ",")+"]"), out, jsonrpc.HandlerFunc(calls.serve))
	calls.answerAtOnce()
	// 40 small replies do not fit: each is left out, or the batch as a whole is.
	if len(out.sent) != 1 {
		t.Fatalf("%d messages", len(out.sent))
	}
	if got := jsonrpc.Bound([]byte(out.sent[0]), 0, out.room); len(got) > out.room {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestALineAboveTheBoundIsRefusedAlone(t *testing.T) {
	lines := jsonrpc.NewLines()
	lines.Bound(500)
	var calls later
	new(jsonrpc.Parser).Parse([]byte(requests(2, "\n")), lines, jsonrpc.HandlerFunc(calls.serve))
	for i, size := range []int{1000, 100} {
		calls.to[i].Reply(func(dst []byte) []byte {
			dst, _ = jsonrpc.AppendResult(dst, calls.ids[i], strings.Repeat("x", size))
			return dst
		})
	}
	out, err := lines.Wait(t.Context())
	first, second, _ := strings.Cut(string(out.Bytes()), "\n")
	if err != nil || !strings.Contains(first, `"id":0,"error":{"code":-32010`) || !strings.Contains(second, `"id":1,"result":"xxx`) {
		t.Errorf("%v: %q, %q", err, first, second)
	}
}
