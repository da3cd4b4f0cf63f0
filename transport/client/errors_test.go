package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

func TestEachCodeOfTheProtocolIsAnError(t *testing.T) {
	all := []error{
		client.ErrParse, client.ErrInvalidRequest, client.ErrMethodNotFound, client.ErrInvalidParams, client.ErrInternal,
		client.ErrSessionNotFound, client.ErrSessionClosed, client.ErrRuntimeUnavailable, client.ErrLanguageNotSupported,
		client.ErrBusy, client.ErrExecutionNotFound, client.ErrUnauthorized, client.ErrRateLimited,
		client.ErrEnvironmentFailed, client.ErrTooLarge, client.ErrShuttingDown, client.ErrNodeUnavailable,
	}
	facts := protocol.Errors()
	if len(facts) != len(all) {
		t.Fatalf("%d codes, %d errors", len(facts), len(all))
	}
	for i, f := range facts {
		err := error(&client.RefusedError{Method: "m", Reply: jsonrpc.Errorf(f.Code, "no")})
		for j, target := range all {
			if errors.Is(err, target) != (i == j) {
				t.Errorf("%s as %v: %v", f.Name, target, i != j)
			}
		}
		if !client.IsCode(err, f.Code) || all[i].Error() != f.Summary {
			t.Errorf("%s: %v", f.Name, all[i])
		}
	}
}

func TestARefusalSaysWhenToTryAgain(t *testing.T) {
	err := &client.RefusedError{Method: "m", Reply: &jsonrpc.Error{Code: protocol.Busy, Message: "full", Data: jsonrpc.Raw(`{"retryAfterMs":250}`)}}
	if got := err.RetryAfter(); got != 250*time.Millisecond {
		t.Errorf("got %v", got)
	}
	if got := (&client.RefusedError{Reply: jsonrpc.Errorf(protocol.Busy, "full")}).RetryAfter(); got != 0 {
		t.Errorf("without data: %v", got)
	}
}

func TestTheClientSaysWhatItTakesOnEachConnection(t *testing.T) {
	address := serve(t)
	for _, c := range []struct {
		options client.Options
		query   string
		want    int
	}{
		{client.Options{}, "", 16 << 20},
		{client.Options{MaxMessageBytes: 100_000}, "", 100_000},
		{client.Options{MaxMessageBytes: 1}, "", protocol.MinMaxMessage},
		{client.Options{MaxMessageBytes: 1 << 30}, "", 16 << 20},
		{client.Options{WebSocket: websocket.Options{MessageBytes: 200_000}}, "", 200_000},
		{client.Options{MaxMessageBytes: 100_000}, "?maxMessageBytes=70000", 70_000},
		{client.Options{MaxMessageBytes: 100_000}, "?x=y", 100_000},
	} {
		cl := dial(t, address+c.query, c.options)
		hello, err := cl.Initialize(t.Context())
		if err != nil || hello.Limits.MaxMessageBytes != c.want {
			t.Errorf("%+v %s: %+v, %v", c.options, c.query, hello, err)
		}
	}
}

func TestTheBoundHoldsOnTheNextConnectionToo(t *testing.T) {
	p := newProxy(t, serve(t), nil)
	c := dial(t, p.url, client.Options{MaxMessageBytes: 100_000, Redial: quick})
	for range 3 {
		before := p.cut()
		eventually(t, func() bool {
			hello, err := c.Initialize(t.Context())
			if err == nil && hello.Limits.MaxMessageBytes != 100_000 {
				t.Fatalf("%+v", hello.Limits)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			return err == nil && p.made > before
		})
	}
}

// Results are cut to what the client takes, and what it reads piece by piece is
// whole all the same.
func TestASmallBoundCutsResultsAndNoContent(t *testing.T) {
	binary := bytes.Repeat([]byte("\x00\xff\x01"), 100_000)
	address := serveWith(t, setup{programs: map[string]fake.Program{"bytes": func(r *fake.Run) int {
		if _, err := io.Copy(r.Stdout(), bytes.NewReader(binary)); err != nil {
			return 1
		}
		return 0
	}}})
	c := dial(t, address, client.Options{MaxMessageBytes: 1})
	session := create(t, c)
	for i, content := range []string{"", "short", strings.Repeat("zeile für zeile\n", 20_000), strings.Repeat("\x01", 100_000)} {
		path := fmt.Sprintf("file%d", i)
		if _, err := c.Exec(t.Context(), session, client.WriteText(path, content)); err != nil {
			t.Fatal(err)
		}
		got, err := c.ReadFile(t.Context(), session, path)
		if err != nil || string(got) != content {
			t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
		}
	}
	var failed *client.CommandError
	if _, err := c.ReadFile(t.Context(), session, "none"); !errors.As(err, &failed) || failed.Code != "NotFound" {
		t.Errorf("a file that is not there: %v", err)
	}
	r, err := c.Run(t.Context(), session, client.Program("bytes"))
	if err != nil || !bytes.Equal(r.Stdout, binary) {
		t.Fatalf("%v, %d bytes", err, len(r.Stdout))
	}
	kept := r.Process()
	if len(kept.Stdout) > protocol.MinMaxMessage || !kept.StdoutTruncated || kept.StdoutOmittedBytes < 200_000 || kept.StdoutEncoding != "base64" {
		t.Errorf("%d bytes in the result, %d left out", len(kept.Stdout), kept.StdoutOmittedBytes)
	}
}
