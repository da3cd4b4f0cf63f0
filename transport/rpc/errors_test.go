package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// TestEveryErrorHasACode walks the errors that the packages below document.
func TestEveryErrorHasACode(t *testing.T) {
	secret := errors.New("open /srv/data: no")
	for _, c := range []struct {
		err  error
		code jsonrpc.Code
		data string
	}{
		{actors.ErrSessionNotFound, protocol.SessionNotFound, `null`},
		{fmt.Errorf("x: %w", actors.ErrSessionClosed), protocol.SessionClosed, `null`},
		{actors.ErrExecutionNotFound, protocol.ExecutionNotFound, `null`},
		{actors.ErrShuttingDown, protocol.ShuttingDown, `null`},
		{&actors.BusyError{Limit: "queue", Maximum: 64, RetryAfter: time.Second}, protocol.Busy, `{"limit":"queue","maximum":64,"retryAfterMs":1000}`},
		{&actors.ArgumentError{Member: "m", Reason: "r"}, jsonrpc.InvalidParams, `{"member":"m","reason":"r"}`},
		{&actors.UnavailableError{Runtime: runtimes.Bun, Reason: "r"}, protocol.RuntimeUnavailable, `{"runtimeType":"Bun","reason":"r"}`},
		{&actors.LanguageError{Language: runtimes.Go, Served: []runtimes.Language{runtimes.Python}, Reason: "r"}, protocol.LanguageNotSupported, `{"languages":["python"],"reason":"r"}`},
		{&runtimes.EnvironmentError{Runtime: runtimes.Docker, Step: "s", Reason: "r", Err: secret}, protocol.EnvironmentFailed, `{"runtimeType":"Docker","reason":"r"}`},
		{&runtimes.EnvironmentError{Runtime: runtimes.Docker, Step: "pull", Err: secret}, protocol.EnvironmentFailed, `{"runtimeType":"Docker","reason":"it failed at the step \"pull\": try again; the server's log has the error of that step"}`},
		{&sessions.TooLargeError{Field: sessions.FieldInput, Limit: 5}, protocol.TooLarge, `{"limit":5,"member":"data"}`},
		{&sessions.FieldError{Field: sessions.FieldMemory, Reason: "r"}, jsonrpc.InvalidParams, `{"member":"memoryLimitMB","reason":"r"}`},
		{&sessions.FieldError{Field: sessions.FieldArgs, Part: "[3]", Reason: "r"}, jsonrpc.InvalidParams, `{"member":"command.args[3]","reason":"r"}`},
		{&sessions.UnknownLanguageError{Served: []runtimes.Language{runtimes.Go}}, protocol.LanguageNotSupported, `{"languages":["go"]}`},
	} {
		e := errorOf(c.err)
		if e == nil {
			t.Errorf("%v has no code", c.err)
			continue
		}
		if data, _ := json.Marshal(e.Data); e.Code != c.code || string(data) != c.data {
			t.Errorf("%v: %d %s", c.err, e.Code, data)
		}
		if wire := string(jsonrpc.AppendError(nil, nil, e)); strings.Contains(wire, "/srv/data") {
			t.Errorf("a path of the server leaves it: %s", wire)
		}
	}
	for _, defect := range []error{secret, actors.ErrInternal} {
		if e := errorOf(defect); e != nil {
			t.Errorf("%v: %v", defect, e)
		}
	}
}

// TestEveryFieldIsAMember holds that an error about a field names a member that
// the params have.
func TestEveryFieldIsAMember(t *testing.T) {
	members := map[string]bool{}
	for _, params := range []any{
		protocol.SessionCreate{}, protocol.SessionRef{}, protocol.ExecutionRef{}, protocol.SessionList{}, protocol.Execute{},
		protocol.ExecutionAttach{}, protocol.ExecutionResize{}, protocol.ExecutionInput{}, protocol.ContextRef{},
	} {
		collectMembers(members, "", reflect.TypeOf(params))
	}
	for _, command := range []any{protocol.ExecuteShell{}, protocol.WriteFile{}, protocol.ReadFile{}, protocol.ListDirectory{}, protocol.ExecuteCode{}} {
		collectMembers(members, "command.", reflect.TypeOf(command))
	}
	members["type"] = true // of a command
	for _, f := range sessions.Fields() {
		if !members[wireName(f)] {
			t.Errorf("the field %s is %s on the wire, which is no member", f, wireName(f))
		}
	}
}

// collectMembers adds the members of a type and of the objects in it.
func collectMembers(all map[string]bool, prefix string, of reflect.Type) {
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all[prefix+name] = true
		if inner := f.Type; inner.Kind() == reflect.Pointer && inner.Elem().Kind() == reflect.Struct {
			collectMembers(all, prefix+name+".", inner.Elem())
		}
	}
}

func TestStatusesAndFileCodesAreWordsOfTheProtocol(t *testing.T) {
	for s := runtimes.Completed; s.String() != ""; s++ {
		if f, _ := reflect.TypeFor[protocol.ProcessResult]().FieldByName("Status"); !strings.Contains(f.Tag.Get("doc"), s.String()) {
			t.Errorf("%v is not documented", s)
		}
	}
}
