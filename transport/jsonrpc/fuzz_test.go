package jsonrpc_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creachadair/jrpc2"
	"golang.org/x/tools/txtar"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// FuzzParse holds the parser against encoding/json. They differ in this only:
// ours refuses duplicated names, lone surrogates and invalid UTF-8.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/specification.txtar", "testdata/envelope.txtar"} {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"sum","params":{"a":[{"b":1,"b":2}]}}`, `{"jsonrpc":"2.0","id":1,"method":"sum","params":["\ud800"]}`,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sum\",\"params\":{\"\xff\":[]}}", `[{"id":1,"id":1},"\udc00",{}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		got := new(dispatcher).answer(string(msg))
		refused := false
		for _, reply := range got {
			if !json.Valid([]byte(reply)) {
				t.Errorf("a reply is not JSON: %q", reply)
			}
			refused = refused || reply == parseError
		}
		if bytes.IndexByte(msg, '\n') >= 0 {
			return // several values, which encoding/json does not read
		}
		switch {
		case !json.Valid(msg) && !refused:
			t.Errorf("served what is not JSON: %q", got)
		case json.Valid(msg) && refused && strictJSON(msg):
			t.Errorf("refused JSON: %q", msg)
		}
	})
}

// strictJSON reports whether none of the stated differences can apply to msg.
func strictJSON(msg []byte) bool {
	if !utf8.Valid(msg) || strings.Contains(strings.ToLower(string(msg)), `\ud`) {
		return false
	}
	names := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(msg))
	for {
		token, err := dec.Token()
		if err != nil {
			return true
		}
		// Every string counts as a name: too careful, never wrong.
		if s, ok := token.(string); ok {
			if names[s] {
				return false
			}
			names[s] = true
		}
	}
}

// FuzzParams checks that what decodes is what encoding/json reads, and that an
// error always is one that can be answered.
func FuzzParams(f *testing.F) {
	for _, c := range paramCases {
		f.Add([]byte(c.params))
	}
	f.Add([]byte(`{"sessionId":"s","command":{"args":["a"],"env":{"A":"b"},"data":"aGk="}}`))
	f.Fuzz(func(t *testing.T, params []byte) {
		var ours, theirs testParams
		err := jsonrpc.DecodeParams(params, &ours)
		if err != nil {
			e := jsonrpc.AsParamError(err)
			if e == nil || !json.Valid(jsonrpc.AppendError(nil, nil, e.Reply())) {
				t.Fatalf("no ParamError that can be answered: %v", err)
			}
			return
		}
		if len(params) > 0 && json.Unmarshal(params, &theirs) == nil && ours.SessionID != "" && theirs.SessionID == "" {
			t.Errorf("only ours read %q: %+v", params, ours)
		}
	})
}

// creachadair/jrpc2 reads the requests of the specification as we do.
func TestRequestsAreReadAsJRPC2ReadsThem(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/specification.txtar")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range archive.Files {
		if !strings.HasSuffix(file.Name, ".in") || strings.Contains(string(file.Data), "foo\"") {
			continue // jrpc2 refuses unknown members
		}
		theirs, err := jrpc2.ParseRequests(file.Data)
		var ours []string
		new(jsonrpc.Parser).Parse(file.Data, new(messages), jsonrpc.HandlerFunc(func(r *jsonrpc.Request, _ jsonrpc.Replier) {
			ours = append(ours, string(r.ID)+" "+string(r.Method)+" "+string(r.Params))
		}))
		var want []string
		for _, r := range theirs {
			if r.Error == nil && err == nil {
				want = append(want, r.ID+" "+r.Method+" "+string(r.Params))
			}
		}
		if strings.Join(ours, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n ours %q\ntheirs %q", file.Name, ours, want)
		}
		compared++
	}
	if compared < 14 {
		t.Errorf("compared %d messages", compared)
	}
}
