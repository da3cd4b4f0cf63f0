package jsonrpc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

const (
	parseError     = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`
	invalidRequest = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}`
)

func TestIDIsEchoedByteForByte(t *testing.T) {
	for _, id := range []string{`1`, `-0`, `1.50`, `1e2`, `12345678901234567890`, `""`, `"a\u0062\/"`, `"é"`, `null`, `"` + strings.Repeat("x", 100_000) + `"`} {
		got := new(dispatcher).answer(`{"jsonrpc":"2.0","method":"sum","params":[1],"id": ` + id + ` }`)
		if want := `{"jsonrpc":"2.0","id":` + id + `,"result":1}`; len(got) != 1 || got[0] != want {
			t.Errorf("got %.80s, want %.80s", got, want)
		}
	}
}

func TestBytesThatAreNoJSONAreOneParseError(t *testing.T) {
	request := `{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}`
	for name, msg := range map[string]string{
		"empty":             "",
		"only white space":  " \r\n\t\n",
		"BOM":               "\ufeff" + request,
		"NUL after":         request + "\x00",
		"NUL before":        "\x00" + request,
		"comment":           "/* x */" + request,
		"invalid UTF-8":     `{"jsonrpc":"2.0","method":"` + "\xff" + `","params":[1],"id":1}`,
		"single quotes":     strings.ReplaceAll(request, `"`, `'`),
		"cut":               request[:len(request)-1],
		"cut in a string":   request[:12],
		"vertical tab":      request + "\v",
		"non-breaking":      "\u00a0" + request,
		"bare word":         "NaN",
		"closing bracket":   "]",
		"newline in string": "{\"jsonrpc\":\"2.0\n\",\"id\":1}",
		"bad number":        `{"jsonrpc":"2.0","method":"sum","id":01}`,
	} {
		d := new(dispatcher)
		if got := d.answer(msg); len(got) != 1 || got[0] != parseError || len(d.calls) > 0 {
			t.Errorf("%s: got %q after calls %q", name, got, d.calls)
		}
	}
}

func TestDepthIsRefusedFast(t *testing.T) {
	for _, depth := range []int{10_001, 1_000_000} {
		for name, msg := range map[string]string{
			"params":  `{"jsonrpc":"2.0","method":"echo","id":1,"params":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`,
			"objects": strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth),
			"open":    strings.Repeat("[", depth),
			"lines":   strings.Repeat("[", depth) + "\n" + strings.Repeat("]", depth),
		} {
			start := time.Now()
			got := new(dispatcher).answer(msg)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s, depth %d took %v", name, depth, took)
			}
			if len(got) != 1 || got[0] != parseError {
				t.Errorf("%s, depth %d: %.200s", name, depth, got)
			}
		}
	}
	params := strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)
	got := new(dispatcher).answer(`{"jsonrpc":"2.0","method":"echo","id":1,"params":` + params + `}`)
	if len(got) != 1 || got[0] != `{"jsonrpc":"2.0","id":1,"result":`+params+`}` {
		t.Errorf("depth 9000 is not served: %.200s", got)
	}
}

func TestLargeMembersAreServed(t *testing.T) {
	text := `["` + strings.Repeat("x", 10<<20) + `"]`
	var members strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&members, `,"m%d":%d`, i, i)
	}
	for _, params := range []string{text, "{" + members.String()[1:] + "}"} {
		got := new(dispatcher).answer(`{"jsonrpc":"2.0","method":"echo","id":1,"params":` + params + `}`)
		if want := `{"jsonrpc":"2.0","id":1,"result":` + params + `}`; len(got) != 1 || got[0] != want {
			t.Errorf("%d bytes are not echoed: %.100s", len(params), got)
		}
	}
}

func TestBatchOverTheLimitHasOneErrorNamingIt(t *testing.T) {
	batch := func(n int) string {
		return "[" + strings.Repeat(`,{"jsonrpc":"2.0","method":"get_data","id":1}`, n)[1:] + "]"
	}
	over := `{"jsonrpc":"2.0","id":null,"error":{"code":-32010,"message":"Too large","data":{"limit":"batch","maximum":%d,"count":%d}}}`
	for _, c := range []struct{ limit, members, allowed int }{{0, 50, 50}, {0, 51, 50}, {3, 3, 3}, {3, 4, 3}, {-1, 500, 500}} {
		d := dispatcher{Parser: jsonrpc.Parser{BatchLimit: c.limit}}
		got := d.answer(batch(c.members))
		if c.members <= c.allowed {
			if len(got) != 1 || len(d.calls) != c.members {
				t.Errorf("limit %d: %d of %d served", c.limit, len(d.calls), c.members)
			}
			continue
		}
		if len(got) != 1 || got[0] != fmt.Sprintf(over, c.allowed, c.members) || len(d.calls) > 0 {
			t.Errorf("limit %d: got %s after %d calls", c.limit, got, len(d.calls))
		}
	}
}

func TestValuesOfOneMessageAreBounded(t *testing.T) {
	got := new(dispatcher).answer(strings.Repeat("1\n", 1<<20))
	if len(got) != 1025 || got[0] != invalidRequest || !strings.Contains(got[1024], `-32010,"message":"Too large","data":{"limit":"values","maximum":1024}`) {
		t.Errorf("%d replies, the last %s", len(got), got[len(got)-1])
	}
}

func TestRequestsAreServedInOrder(t *testing.T) {
	d := new(dispatcher)
	d.answer(`{"jsonrpc":"2.0","method":"a"}` + "\n" +
		`[{"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","method":"c"}]` + "\r\n" + `{"jsonrpc":"2.0","method":"d"}` + "\n")
	if want := []string{"a", "b", "c", "d"}; !slices.Equal(d.calls, want) {
		t.Errorf("served %q, want %q", d.calls, want)
	}
}

// refusals keeps what was refused; nothing is to be served.
type refusals struct {
	t    *testing.T
	told []string
}

func (r *refusals) Serve(*jsonrpc.Request, jsonrpc.Replier) { r.t.Error("served") }
func (r *refusals) Rejected(e *jsonrpc.Error)               { r.told = append(r.told, e.Error()) }

func TestRefusedRequestsAreReported(t *testing.T) {
	r := &refusals{t: t}
	new(jsonrpc.Parser).Parse([]byte(`[1,{"jsonrpc":"2.0","id":[]}]`), new(messages), r)
	want := []string{
		"Invalid Request (-32600): a request is an object",
		"Invalid Request (-32600): member id is neither string, number nor null",
	}
	if !slices.Equal(r.told, want) {
		t.Errorf("got %q", r.told)
	}
}

// What is wrong inside params is told to the request that it belongs to.
func TestAFlawInsideParamsIsThatOfTheRequest(t *testing.T) {
	for _, c := range []struct{ params, member, reason string }{
		{`{"path":"a","path":"b"}`, "path", "must not stand there twice"},
		{`{"path":"a","p\u0061th":"b"}`, "path", "must not stand there twice"},
		{`{"command":{"env":{"A":"1","B":"2","A":"3"}}}`, "command.env.A", "must not stand there twice"},
		{`{"a":[1,{"b":{}},{"b":1,"c":[{}],"b":2}]}`, "a[2].b", "must not stand there twice"},
		{`{"data":"\ud800"}`, "data", "must not hold half of a surrogate pair"},
		{`{"data":"\udc00\ud800"}`, "data", "must not hold half of a surrogate pair"},
		{`{"command":{"args":["x","\ud800x"]}}`, "command.args[1]", "must not hold half of a surrogate pair"},
		{`{"command":{"args":[[true, "y"] , [ "\udfff" ]]}}`, "command.args[1][0]", "must not hold half of a surrogate pair"},
		{"{\"data\":\"\xc3(\"}", "data", "must be UTF-8"},
		{"{\"env\":{\"\xff\":1}}", "env.\ufffd", "must be UTF-8"},
		{"[\"\xff\"]", "[0]", "must be UTF-8"},
	} {
		request := `{"jsonrpc":"2.0","method":"sum","params":` + c.params + `,"id":"i\u0064"}`
		want := fmt.Sprintf(`{"jsonrpc":"2.0","id":"i\u0064","error":{"code":-32602,"message":"Invalid params: %[1]s %[2]s",`+
			`"data":{"member":"%[1]s","reason":"%[2]s"}}}`, c.member, c.reason)
		d := new(dispatcher)
		if got := d.answer(request); len(got) != 1 || got[0] != want || len(d.calls) > 0 {
			t.Errorf("%s:\n got %s\nwant %s", c.params, got, want)
		}
		good := `{"jsonrpc":"2.0","method":"sum","params":[2],"id":2}`
		answer := `{"jsonrpc":"2.0","id":2,"result":2}`
		got := new(dispatcher).answer("[" + request + "," + good + "]")
		if len(got) != 1 || got[0] != "["+want+","+answer+"]" {
			t.Errorf("in a batch: %s", got)
		}
		if got := new(dispatcher).answer(request + "\n" + good); len(got) != 2 || got[1] != answer {
			t.Errorf("before another line: %s", got)
		}
		notification := strings.Replace(request, `,"id":"i\u0064"`, "", 1)
		if got := new(dispatcher).answer(notification); len(got) != 0 {
			t.Errorf("a notification: %s", got)
		}
		if got := new(dispatcher).answer(strings.Replace(request, `"2.0"`, `"1.0"`, 1)); len(got) != 1 || !strings.Contains(got[0], `"id":"i\u0064","error":{"code":-32600`) {
			t.Errorf("of another version: %s", got)
		}
	}
}

func TestAFlawElsewhereIsAParseError(t *testing.T) {
	for _, request := range []string{
		`{"jsonrpc":"2.0","method":"sum","params":[1],"id":1,"id":2}`,
		`{"jsonrpc":"2.0","method":"sum","params":[1],"params":[1],"id":1}`,
		`{"jsonrpc":"2.0","method":"\ud800","params":[1],"id":1}`,
		`{"jsonrpc":"2.0","method":"sum","params":[1],"id":"\ud800"}`,
		`{"jsonrpc":"2.0","method":"sum","params":["\ud800"],"id":"\ud800"}`,
		`{"jsonrpc":"2.0","method":"sum","params":["\ud800"],"other":{"a":1,"a":2},"id":1}`,
		`{"jsonrpc":"2.0","method":"sum","params":["\ud800"],"\ud800":1,"id":1}`,
		`{"jsonrpc":"2.0","method":"sum","params":["\ud800"],"id":1`,
		`"\ud800"`,
	} {
		if got := new(dispatcher).answer(request); len(got) != 1 || got[0] != parseError {
			t.Errorf("%s: %s", request, got)
		}
	}
	got := new(dispatcher).answer(`["\ud800",{"jsonrpc":"2.0","method":"sum","params":[2],"id":2}]`)
	if len(got) != 1 || got[0] != "["+parseError+`,{"jsonrpc":"2.0","id":2,"result":2}]` {
		t.Errorf("a member of a batch: %s", got)
	}
}
