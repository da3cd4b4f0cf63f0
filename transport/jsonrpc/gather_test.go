package jsonrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// later keeps the calls of a parse, to answer them from other goroutines.
type later struct {
	ids []jsonrpc.ID
	to  []jsonrpc.Replier
}

func (l *later) serve(r *jsonrpc.Request, to jsonrpc.Replier) {
	if !r.Notification() {
		l.ids, l.to = append(l.ids, r.ID.Clone()), append(l.to, to)
	}
}

func (l *later) answerAtOnce() {
	var wg sync.WaitGroup
	for i, id := range l.ids {
		wg.Go(func() {
			l.to[i].Reply(func(dst []byte) []byte {
				dst, _ = jsonrpc.AppendResult(dst, id, i)
				return dst
			})
		})
	}
	wg.Wait()
}

func requests(n int, separator string) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"jsonrpc":"2.0","method":"m","id":%d}`, i))
	}
	return strings.Join(list, separator)
}

func TestBatchSendsOneMessageAfterTheLastReply(t *testing.T) {
	var out messages
	var calls later
	new(jsonrpc.Parser).Parse([]byte("["+requests(40, ",")+`,{"jsonrpc":"2.0","method":"note"},7]`), &out, jsonrpc.HandlerFunc(calls.serve))
	if len(out.sent) > 0 {
		t.Fatalf("sent before the calls were answered: %s", out.sent)
	}
	calls.answerAtOnce()
	var replies []struct{ ID *int }
	if len(out.sent) != 1 || json.Unmarshal([]byte(out.sent[0]), &replies) != nil || len(replies) != 41 {
		t.Fatalf("got %d messages, %d replies", len(out.sent), len(replies))
	}
	seen := map[int]bool{}
	for _, r := range replies {
		if r.ID != nil {
			seen[*r.ID] = true
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d of 40 ids answered", len(seen))
	}
}

func TestOneIDTwiceInFlightGetsTwoReplies(t *testing.T) {
	var out messages
	var calls later
	for range 2 {
		new(jsonrpc.Parser).Parse([]byte(`{"jsonrpc":"2.0","method":"m","id":"same"}`), &out, jsonrpc.HandlerFunc(calls.serve))
	}
	calls.answerAtOnce()
	if len(out.sent) != 2 || !strings.Contains(out.sent[0], `"id":"same"`) || !strings.Contains(out.sent[1], `"id":"same"`) {
		t.Errorf("got %s", out.sent)
	}
}

func TestLinesWaitForEveryReplyOfTheMessage(t *testing.T) {
	lines := jsonrpc.NewLines()
	var calls later
	msg := requests(3, "\n") + "\n[" + requests(2, ",") + "]\n" + `[{"jsonrpc":"2.0","method":"note"}]` + "\n[]"
	new(jsonrpc.Parser).Parse([]byte(msg), lines, jsonrpc.HandlerFunc(calls.serve))
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("client left"))
	if _, err := lines.Wait(ended); err == nil || !strings.Contains(err.Error(), "client left") {
		t.Fatalf("waited for nothing: %v", err)
	}
	calls.answerAtOnce()
	out, err := lines.Wait(context.Background())
	all := string(out.Bytes())
	if got := strings.Count(all, "\n") + 1; err != nil || got != 5 {
		t.Errorf("%d lines, %v:\n%s", got, err, all)
	}
}

func TestLinesOfNotificationsAreEmpty(t *testing.T) {
	lines := jsonrpc.NewLines()
	var calls later
	new(jsonrpc.Parser).Parse([]byte(`[{"jsonrpc":"2.0","method":"a"}]`+"\n"+`{"jsonrpc":"2.0","method":"b"}`), lines, jsonrpc.HandlerFunc(calls.serve))
	if out, err := lines.Wait(context.Background()); err != nil || out.Size() > 0 {
		t.Errorf("got %q, %v", out.Bytes(), err)
	}
}
