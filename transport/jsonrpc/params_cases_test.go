package jsonrpc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

var paramCases = []struct{ params, member, reason string }{
	{`{"sessionId":7}`, "sessionId", "must be a string"},
	{`{"command":{"path":[]}}`, "command.path", "must be a string"},
	{`{"command":[]}`, "command", "must be an object"},
	{`{"command":{"args":"x"}}`, "command.args", "must be an array"},
	{`{"command":{"args":["a",2]}}`, "command.args[1]", "must be a string"},
	{`{"command":{"points":[{"x":1},{"x":"y"}]}}`, "command.points[1].x", "must be an integer"},
	{`{"command":{"env":{"1":2}}}`, "command.env.1", "must be a string"},
	{`{"command":{"env":{"a/b~c":2}}}`, "command.env.a/b~c", "must be a string"},
	{`{"command":{"env":{"\u0061":2}}}`, "command.env.a", "must be a string"},
	{`{"command":{"mode":3000000000}}`, "command.mode", "must be an integer from -2147483648 to 2147483647"},
	{`{"command":{"mode":1.5}}`, "command.mode", "must be an integer from -2147483648 to 2147483647"},
	{`{"command":{"mode":true}}`, "command.mode", "must be an integer"},
	{`{"command":{"small":-1}}`, "command.small", "must be an integer from 0 to 255"},
	{`{"command":{"float":1e999}}`, "command.float", "must be a number from -1.8e308 to 1.8e308"},
	{`{"command":{"stream":"yes"}}`, "command.stream", "must be true or false"},
	{`{"command":{"data":"!!"}}`, "command.data", "must be base64"},
	{`{"command":{"data":7}}`, "command.data", "must be a base64 string"},
	{`{"command":{"flavour":"sour"}}`, "command.flavour", `must be "sweet"`},
	{`[{"sessionId":"x"}]`, "", "must be an object with named members"},
	{`{"sessionId"`, "", "must be valid JSON"},
}

func TestLongNamesAreCutInThePath(t *testing.T) {
	name := strings.Repeat("é", 500)
	params, _ := json.Marshal(map[string]any{"command": map[string]any{"env": map[string]any{name: 1}}})
	var p testParams
	e := jsonrpc.AsParamError(jsonrpc.DecodeParams(params, &p))
	if e == nil || len(e.Member) > 210 || !strings.HasPrefix(name, strings.TrimSuffix(strings.TrimPrefix(e.Member, "command.env."), "…")) {
		t.Errorf("got %v", e)
	}
}
