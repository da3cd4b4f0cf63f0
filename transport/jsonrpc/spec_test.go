package jsonrpc_test

import (
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/tools/txtar"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

var update = flag.Bool("update", false, "write what is answered into the transcripts")

// Each pair of files NAME.in and NAME.out of a transcript is a message and the
// messages that answer it, one a line.
func TestTranscripts(t *testing.T) {
	for _, path := range []string{"testdata/specification.txtar", "testdata/envelope.txtar"} {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(archive.Files) < 30 {
			t.Fatalf("%s has %d files", path, len(archive.Files))
		}
		for i := 0; i < len(archive.Files); i += 2 {
			in, out := archive.Files[i], &archive.Files[i+1]
			t.Run(strings.TrimSuffix(in.Name, ".in"), func(t *testing.T) {
				got := new(dispatcher).answer(strings.TrimSuffix(string(in.Data), "\n"))
				if *update {
					out.Data = []byte(strings.Join(append(got, ""), "\n"))
					return
				}
				compare(t, got, strings.Split(strings.TrimSuffix(string(out.Data), "\n"), "\n"))
			})
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// compare compares messages as JSON, and the members of a batch in any order.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	want = slices.DeleteFunc(want, func(s string) bool { return s == "" })
	if len(got) != len(want) {
		t.Fatalf("got %d messages, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range got {
		if diff := cmp.Diff(normal(t, want[i]), normal(t, got[i])); diff != "" {
			t.Errorf("message %d (-want +got):\n%s", i, diff)
		}
	}
}

func normal(t *testing.T, msg string) []string {
	t.Helper()
	parts := []json.RawMessage{json.RawMessage(msg)}
	if msg[0] == '[' {
		if err := json.Unmarshal([]byte(msg), &parts); err != nil {
			t.Fatalf("%v in %s", err, msg)
		}
	}
	lines := []string{msg[:1]} // an array of one is not an object
	for _, part := range parts {
		var v any
		if err := json.Unmarshal(part, &v); err != nil {
			t.Fatalf("%v in %s", err, part)
		}
		line, _ := json.Marshal(v)
		lines = append(lines, string(line))
	}
	slices.Sort(lines[1:])
	return lines
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
