//go:build !race

package rpc

import (
	"testing"

	"github.com/codebeaker/codebeaker/transport/sessions"
)

// raced: the race detector watches.
const raced = false

// TestARequestThroughAnActorCostsFewAllocations holds the target,
// which is 6. The race detector and
// Go's own JSON allocate by themselves.
func TestARequestThroughAnActorCostsFewAllocations(t *testing.T) {
	w := newWorld(t, bounded)
	s, _, err := w.system.Create(t.Context(), createDefaults(nil))
	if err != nil {
		t.Fatal(err)
	}
	cn := w.door.newConnection(t.Context(), sessions.Client{Address: "127.0.0.1"})
	defer cn.end(errPostEnded)
	out := &replies{done: make(chan struct{}, 1)}
	for _, c := range []struct {
		name, message string
		most          float64
	}{
		{"session.get", `{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"sessionId":"` + s.ID() + `"}}`, 4},
		// The execution and its id, the command, three for strings of params.
		{"session.execute", execute(1, s.ID(), `{"type":"execute_shell","commandName":"true"}`, ""), 6},
	} {
		message := []byte(c.message)
		got := testing.AllocsPerRun(2000, func() {
			cn.receive(message, out)
			<-out.done
		})
		if got > c.most {
			t.Errorf("%s: %v allocations, not %v", c.name, got, c.most)
		}
	}
}
