package rpc

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// The server and the runtime had a rule each: the server knew patterns, the
// runtime names only, so that no pattern ever led to a session.
func TestAnImageThatTheServerAdmitsIsOneThatTheRuntimeTakes(t *testing.T) {
	images, err := runtimes.ParseImages("python", "node:2*", "registry.example/team/*")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := ""
	w := newWorld(t, setup{
		policy: sessions.Policy{Images: images},
		fake: fake.Options{CreateError: func(spec runtimes.Spec) error {
			mu.Lock()
			defer mu.Unlock()
			asked = spec.Image
			if _, ok := images.Allowed(spec.Image); !ok {
				return fmt.Errorf("the runtime refuses %q", spec.Image)
			}
			return nil
		}},
	})
	p := w.dial(websocket.DialOptions{})
	for _, c := range []struct{ image, full string }{
		{"python", "docker.io/library/python:latest"},
		{"docker.io/library/python:latest", "docker.io/library/python:latest"},
		{"node:22", "docker.io/library/node:22"},
		{"registry.example/team/app:2", "registry.example/team/app:2"},
		{"python:3.12", ""},
		{"node", ""},
		{"registry.example/app", ""},
		{"python:*", ""},
	} {
		got := p.ask(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"python","dockerImage":%q}}`, c.image))
		switch {
		case c.full == "" && !(strings.Contains(got, `"code":-32602`) && strings.Contains(got, `"member":"dockerImage"`)):
			t.Errorf("%s: %s", c.image, got)
		case c.full != "":
			mu.Lock()
			if !strings.Contains(got, `"runtimeType":"Docker"`) || asked != c.full {
				t.Errorf("%s, as %q: %s", c.image, asked, got)
			}
			mu.Unlock()
		}
	}
}
