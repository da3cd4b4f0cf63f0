package rpc

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestACreateThatFailsIsToldAsAReasonAndLoggedOnce(t *testing.T) {
	w := newWorld(t, setup{types: []runtimes.Type{runtimes.Native}})
	w.fakes[runtimes.Native].FailCreates(errors.New("open /srv/data: no room"))
	_, body := w.post(t, `{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"go"}}`)
	if !strings.Contains(body, `"code":-32009`) || !strings.Contains(body, `"reason":"the fake runtime was told to fail"`) || strings.Contains(body, "/srv/data") {
		t.Errorf("the client is told %s", body)
	}
	log := w.log.String()
	if strings.Count(log, "no room") != 1 || strings.Contains(log, "call failed") ||
		!strings.Contains(log, `level=WARN msg="environment not made" session=n1.`) ||
		!strings.Contains(log, `runtime=Native step=create error="open /srv/data: no room"`) {
		t.Errorf("logged %s", log)
	}
}

func TestTheReasonOfARuntimeIsThatOfItsAvailability(t *testing.T) {
	w := newWorld(t, setup{types: []runtimes.Type{runtimes.Docker}})
	w.fakes[runtimes.Docker].SetUnavailable("no engine answers: start it")
	w.registry.Probe(t.Context())
	_, body := w.post(t, `{"jsonrpc":"2.0","id":1,"method":"runtime.list"}`)
	var reply struct {
		Result struct {
			Runtimes []struct {
				Available bool
				Reason    string
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil {
		t.Fatal(err)
	}
	if list := reply.Result.Runtimes; len(list) != 1 || list[0].Available || list[0].Reason != "no engine answers: start it" {
		t.Errorf("listed %s", body)
	}
	for _, method := range []string{`"language":"csharp"`, `"language":"csharp","runtimeType":"Docker"`} {
		if _, body := w.post(t, `{"jsonrpc":"2.0","id":1,"method":"session.create","params":{`+method+`}}`); !strings.Contains(body, "no engine answers: start it") {
			t.Errorf("%s: %s", method, body)
		}
	}
}
