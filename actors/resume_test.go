package actors

import (
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// Regression of others, R2: what was left alone for long is there as before.
func TestAnExecutionIsReadAndFedAfterALongIdleTime(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		s := w.create()
		e := background("cat")
		e.Command.(*runtimes.Command).OpenStdin = true
		id := w.ask(s, e).result.(*Started).ExecutionID
		w.ask(s, &Input{Execution: id, Data: []byte("before ")})
		time.Sleep(110 * time.Minute) // no connection, far beyond the idle timeout
		if a := w.ask(s, &Input{Execution: id, Data: []byte("after"), EOF: true}); a.err != nil {
			t.Fatal(a.err)
		}
		w.ask(s, &WaitExecution{Execution: id})
		log := w.ask(s, &OpenExecution{id}).result.(*output.Log)
		sub, snap, err := log.Subscribe(output.Oldest, func() {})
		if err != nil || snap.FirstSeq != 0 {
			t.Fatal(snap, err)
		}
		defer sub.Close()
		joined := ""
		for {
			item, ok := sub.Next()
			if !ok {
				break
			}
			joined += string(item.Chunk.Data)
		}
		if joined != "before after" {
			t.Errorf("joined %q", joined)
		}
		time.Sleep(9 * time.Minute)
		if o := w.run(s, "print", "still here"); stdout(o) != "still here" {
			t.Errorf("%+v", o)
		}
	})
}
