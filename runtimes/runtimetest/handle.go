package runtimetest

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var handleCases = []testCase{
	{"AHandleCanBeWrittenDown", writtenHandle},
	{"NobodyAdoptsYet", noAdoption},
}

func writtenHandle(t *testing.T, s *suite) {
	env := s.environment(t)
	text, err := json.Marshal(env.Handle())
	if err != nil {
		t.Fatal(err)
	}
	var read runtimes.Handle
	if err := json.Unmarshal(text, &read); err != nil || read != env.Handle() {
		t.Errorf("%s is read as %+v, %v", text, read, err)
	}
	kind, known := runtimes.ParseType(read.Runtime)
	if !known || kind != s.rt.Type() || read.Environment != env.ID() || read.Container != env.ContainerID() {
		t.Errorf("%s", text)
	}
	if other := s.create(t, nil).Handle(); other == read {
		t.Errorf("another environment has the same: %s", text)
	}
}

func noAdoption(t *testing.T, s *suite) {
	env, err := s.rt.Adopt(t.Context(), s.environment(t).Handle())
	if env != nil || !errors.Is(err, runtimes.ErrCannotAdopt) {
		t.Errorf("%v, %v", env, err)
	}
}
