package jsonrpc_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

type flavour int

func (f *flavour) UnmarshalJSON(b []byte) error {
	if string(b) != `"sweet"` {
		return errors.New(`must be "sweet"`)
	}
	*f = 1
	return nil
}

type testParams struct {
	SessionID string `json:"sessionId"`
	Command   struct {
		Path    string            `json:"path"`
		Args    []string          `json:"args"`
		Env     map[string]string `json:"env"`
		Mode    int32             `json:"mode"`
		Small   uint8             `json:"small"`
		Float   float64           `json:"float"`
		Stream  *bool             `json:"stream"`
		Data    []byte            `json:"data"`
		Flavour flavour           `json:"flavour"`
		Points  []struct {
			X int `json:"x"`
		} `json:"points"`
	} `json:"command"`
}

func TestWrongParamIsNamedByItsPath(t *testing.T) {
	for _, c := range paramCases {
		var p testParams
		err := jsonrpc.DecodeParams(jsonrpc.Raw(c.params), &p)
		e := jsonrpc.AsParamError(err)
		if e == nil {
			t.Errorf("%s: %v", c.params, err)
			continue
		}
		if e.Member != c.member || e.Reason != c.reason {
			t.Errorf("%s:\n got %q %q\nwant %q %q", c.params, e.Member, e.Reason, c.member, c.reason)
		}
	}
}

func TestParamErrorBecomesAReplyWithTheMember(t *testing.T) {
	var p testParams
	err := jsonrpc.DecodeParams(jsonrpc.Raw(`{"sessionId":7}`), &p)
	got := string(jsonrpc.AppendError(nil, jsonrpc.ID("1"), jsonrpc.AsParamError(err).Reply()))
	want := `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: sessionId must be a string",` +
		`"data":{"member":"sessionId","reason":"must be a string"}}}`
	if got != want {
		t.Errorf("got %s", got)
	}
	err = jsonrpc.DecodeParams(jsonrpc.Raw(`[1]`), &p)
	got = string(jsonrpc.AppendError(nil, nil, jsonrpc.AsParamError(err).Reply()))
	if !strings.Contains(got, `-32602`) || !strings.Contains(got, `"member":"params"`) || !strings.Contains(got, "named members") {
		t.Errorf("got %s", got)
	}
}

func TestAbsentParamsAreAnEmptyObjectAndUnknownMembersAreIgnored(t *testing.T) {
	for _, params := range []string{"", "null", "{}", `{"other":[1],"command":{"paths":1}}`, `{"sessionId":null}`} {
		var p testParams
		if err := jsonrpc.DecodeParams(jsonrpc.Raw(params), &p); err != nil || p.SessionID != "" {
			t.Errorf("%q: %v %+v", params, err, p)
		}
	}
}

func TestParamsOutliveTheRequest(t *testing.T) {
	raw := []byte(`{"sessionId":"abc","command":{"args":["x","y"],"data":"aGk="}}`)
	var p testParams
	if err := jsonrpc.DecodeParams(raw, &p); err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if p.SessionID != "abc" || p.Command.Args[1] != "y" || string(p.Command.Data) != "hi" {
		t.Errorf("got %+v", p)
	}
}

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
