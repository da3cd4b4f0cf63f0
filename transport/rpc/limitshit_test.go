package rpc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
)

func TestALimitThatWasReachedIsTold(t *testing.T) {
	for hit, want := range map[runtimes.Limit]string{"": "", runtimes.ProcessLimit: `"limitsHit":["processes"]`} {
		exit := runtimes.Exit{Status: runtimes.Completed}
		if hit != "" {
			exit.LimitsHit = []runtimes.Limit{hit}
		}
		var w wireOutcome
		got, err := json.Marshal(w.of(&actors.Outcome{Success: true, Result: &actors.ProcessResult{Exit: exit}}, 0))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(got), want) || strings.Contains(string(got), "limitsHit") != (want != "") {
			t.Errorf("got %s", got)
		}
	}
}
