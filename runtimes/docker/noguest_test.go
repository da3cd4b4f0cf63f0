package docker

import "testing"

// Whoever has no agent yet is told by doctor, which then must come that far.
func TestARuntimeWithoutAnAgentIsMadeAndIsNotAvailable(t *testing.T) {
	if _, err := New(Options{DataDir: t.TempDir(), Mark: "mark"}); err != nil {
		t.Error(err)
	}
	if reason, err := agentProblem("", "amd64"); reason == "" || err == nil {
		t.Error("it is available")
	}
}
