package runtimes

import "testing"

func TestHostNamesAreOfSessionsAndValid(t *testing.T) {
	for session, want := range map[string]string{
		"01KB8Z6V4S7N2Q3XJ5RTWY9ABC": "session-rtwy9abc",
		"conformance-12-7":           "session-nce-12-7",
		"a.b":                        "session-a-b",
		"x":                          "session-x",
		"..":                         "session",
		"":                           "session",
	} {
		if got := HostName(session); got != want {
			t.Errorf("%q: %q, want %q", session, got, want)
		}
	}
}
