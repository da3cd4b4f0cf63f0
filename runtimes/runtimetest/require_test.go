package runtimetest

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// verdict is a testing.TB that notes what it is told.
type verdict struct {
	testing.TB
	said string
}

func (v *verdict) Helper()                          {}
func (v *verdict) Skipf(format string, args ...any) { v.said = "skip: " + fmt.Sprintf(format, args...) }
func (v *verdict) Fatalf(format string, args ...any) {
	v.said = "fail: " + fmt.Sprintf(format, args...)
}

func TestAMissingRuntimeIsSkippedUnlessItIsRequired(t *testing.T) {
	missing := runtimes.Availability{Reason: "no engine answers"}
	for _, c := range []struct {
		list  string
		found runtimes.Availability
		want  string
	}{
		{"", missing, "skip: Docker is not available: no engine answers"},
		{"bun,native", missing, "skip: Docker is not available: no engine answers"},
		{"bun, docker", missing, "fail: Docker is required by CODEBEAKER_REQUIRE and not available: no engine answers"},
		{"Docker", missing, "fail: Docker is required by CODEBEAKER_REQUIRE and not available: no engine answers"},
		{"docker", runtimes.Availability{Available: true}, ""},
	} {
		t.Setenv(requireVariable, c.list)
		v := &verdict{TB: t}
		Require(v, runtimes.Docker, c.found)
		if v.said != c.want {
			t.Errorf("%q: %q, want %q", c.list, v.said, c.want)
		}
	}
}

func TestSelectionsNameWhatThereIs(t *testing.T) {
	var h Harness
	for _, name := range slices.Concat(OnDisk, InGroups, Elsewhere, InImage) {
		h.Only = []string{name}
		found := 0
		for _, subject := range subjects {
			found += len(h.wanted(subject.name, subject.cases))
		}
		if found == 0 {
			t.Errorf("there is no %s", name)
		}
	}
}
