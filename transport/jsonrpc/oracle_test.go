package jsonrpc_test

import (
	"strings"
	"testing"

	"github.com/creachadair/jrpc2"
	"golang.org/x/tools/txtar"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

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
		new(jsonrpc.Parser).Parse(file.Data, new(messages), func(r *jsonrpc.Request, _ jsonrpc.Replier) {
			ours = append(ours, string(r.ID)+" "+string(r.Method)+" "+string(r.Params))
		})
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
