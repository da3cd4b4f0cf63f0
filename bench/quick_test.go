package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// The program that users run must work on whatever is here, with every output
// verified; one sample of each shows that. Under CODEBEAKER_REQUIRE a runtime that is missing fails it.
func TestAQuickRunOnWhatIsHere(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts environments of every runtime of this machine")
	}
	path := filepath.Join(t.TempDir(), "report.json")
	var out, complaints bytes.Buffer
	a := &app{stdout: &out, stderr: &complaints, facts: result.GatherFacts}
	if code := a.run(t.Context(), []string{"-quick", "-count", "1", "-budget", "3m", "-o", path}); code != exitGood {
		t.Errorf("it exits with %d: %s\n%s", code, complaints.String(), out.String())
	}
	samples := map[string]int{}
	r := read(t, path)
	for _, s := range r.Series {
		samples[s.Subject] += len(s.Samples)
		if s.NotBuilt != "" {
			t.Logf("%s is not measured: %s", s.Key(), s.NotBuilt)
		}
	}
	for _, rt := range r.Runtimes {
		if rt.Available && samples[rt.RuntimeType] == 0 {
			t.Errorf("nothing of %s was measured", rt.RuntimeType)
		}
	}
	if samples["server"] == 0 || samples["system calls"] == 0 {
		t.Errorf("no samples of the wire or of the bare machine: %v", samples)
	}
}
