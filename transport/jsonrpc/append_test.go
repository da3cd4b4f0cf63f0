package jsonrpc_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

func TestReplyIsAppendedBehindWhatIsThere(t *testing.T) {
	dst, err := jsonrpc.AppendResult([]byte("before"), jsonrpc.ID(`"a"`), map[string]int{"n": 1})
	if want := `before{"jsonrpc":"2.0","id":"a","result":{"n":1}}`; err != nil || string(dst) != want {
		t.Errorf("got %s, %v", dst, err)
	}
}

type exploding struct{}

func (exploding) MarshalJSON() ([]byte, error) { panic("on purpose") }

func TestResultThatCannotBeEncodedIsAnInternalError(t *testing.T) {
	for name, v := range map[string]any{
		"NaN": math.NaN(), "deep NaN": map[string]any{"a": []any{1, math.Inf(1)}}, "channel": make(chan int), "panic": exploding{},
	} {
		dst, err := jsonrpc.AppendResult([]byte("x"), jsonrpc.ID("1"), v)
		want := `x{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error"}}`
		if err == nil || string(dst) != want {
			t.Errorf("%s: got %s, %v", name, dst, err)
		}
		if after, err := jsonrpc.AppendResult(nil, jsonrpc.ID("2"), "fine"); err != nil || string(after) != `{"jsonrpc":"2.0","id":2,"result":"fine"}` {
			t.Errorf("the encoder after %s: %s, %v", name, after, err)
		}
		if kept, err := jsonrpc.AppendNotification([]byte("x"), "m", v); err == nil || string(kept) != "x" {
			t.Errorf("notification of %s: %s, %v", name, kept, err)
		}
	}
}

func TestMessagesHaveTheirMembers(t *testing.T) {
	notification, _ := jsonrpc.AppendNotification(nil, "a.b", struct{ X string }{"<&>"})
	request, _ := jsonrpc.AppendRequest(nil, jsonrpc.ID("7"), "m", nil)
	raw, _ := jsonrpc.AppendResult(nil, nil, jsonrpc.Raw(`{"as": "it is"}`))
	none, _ := jsonrpc.AppendResult(nil, jsonrpc.ID("1"), nil)
	quoted := jsonrpc.AppendError(nil, jsonrpc.ID("1"), jsonrpc.Errorf(-32001, "no \"%s\"\n", "é"))
	noData := jsonrpc.AppendError(nil, jsonrpc.ID("1"), &jsonrpc.Error{Code: -32005, Message: "busy", Data: math.NaN(), Cause: errors.New("secret")})
	for got, want := range map[string]string{
		string(notification): `{"jsonrpc":"2.0","method":"a.b","params":{"X":"<&>"}}`,
		string(request):      `{"jsonrpc":"2.0","id":7,"method":"m"}`,
		string(raw):          `{"jsonrpc":"2.0","id":null,"result":{"as": "it is"}}`,
		string(none):         `{"jsonrpc":"2.0","id":1,"result":null}`,
		string(quoted):       `{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"no \"é\"\n"}}`,
		string(noData):       `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"busy"}}`,
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("not JSON: %s", got)
		}
	}
}

func TestInvalidUTF8IsReplacedWithoutAnError(t *testing.T) {
	dst, err := jsonrpc.AppendResult(nil, jsonrpc.ID("1"), "a\xffb")
	var reply struct{ Result string }
	if err != nil || json.Unmarshal(dst, &reply) != nil || reply.Result != "a\ufffdb" {
		t.Errorf("got %s, %v", dst, err)
	}
}
