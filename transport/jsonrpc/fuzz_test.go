package jsonrpc_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

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
