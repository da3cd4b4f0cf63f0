package jsonrpc_test

import (
	"errors"
	"math"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

func TestClientReadsWhatTheServerWrites(t *testing.T) {
	result, _ := jsonrpc.AppendResult(nil, jsonrpc.ID("1"), map[string]int{"n": 2})
	null, _ := jsonrpc.AppendResult(nil, jsonrpc.ID("2"), nil)
	failure := jsonrpc.AppendError(nil, nil, &jsonrpc.Error{Code: -32005, Message: "busy", Data: map[string]int{"limit": 4}})
	note, _ := jsonrpc.AppendNotification(nil, "session.closed", map[string]string{"sessionId": "s"})

	var got []*jsonrpc.Message
	each := func(m *jsonrpc.Message) { got = append(got, m) }
	batch := "[" + string(result) + " , " + string(null) + "," + string(failure) + "]"
	for _, msg := range []string{batch, " " + string(note) + "\n"} {
		if err := jsonrpc.DecodeMessages([]byte(msg), each); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 4 {
		t.Fatalf("%d messages", len(got))
	}
	if m := got[0]; string(m.ID) != "1" || string(m.Result) != `{"n":2}` || m.Err != nil || m.Method != "" {
		t.Errorf("result: %+v", m)
	}
	if m := got[1]; string(m.Result) != "null" && len(m.Result) != 0 {
		t.Errorf("null result: %+v", m)
	}
	if m := got[2]; m.Err == nil || m.Err.Code != -32005 || string(m.Err.Data.(jsonrpc.Raw)) != `{"limit":4}` || string(m.ID) != "null" {
		t.Errorf("failure: %+v", m)
	}
	if m := got[3]; m.Method != "session.closed" || !m.ID.Absent() || string(m.Params) != `{"sessionId":"s"}` {
		t.Errorf("notification: %+v", m)
	}
}

func TestClientRefusesWhatIsNoMessage(t *testing.T) {
	for _, msg := range []string{"", "x", "1", "{}", "[1]", `{"id":1} x`, `{"method":1}`} {
		err := jsonrpc.DecodeMessages([]byte(msg), func(*jsonrpc.Message) { t.Errorf("%q: a message", msg) })
		if !errors.Is(err, jsonrpc.ErrNotMessage) {
			t.Errorf("%q: %v", msg, err)
		}
	}
	if _, err := jsonrpc.AppendRequest(nil, nil, "m", math.NaN()); err == nil {
		t.Error("a request with NaN was written")
	}
}
