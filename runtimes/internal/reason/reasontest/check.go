// Package reasontest checks that a reason is one: a sentence that says what is
// wrong and what to do.
package reasontest

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// advice are the words of which a sentence that says what to do has one.
var advice = regexp.MustCompile("`|--[a-z]|(?i)\\b(run|use|name|install|close|ask|try|let|set|start|free|give|add|look|map|take|see)\\b")

// source are pieces of probing programs and of the stack traces of tools.
var source = regexp.MustCompile(`import json|json\.dumps|JSON\.stringify|Traceback|process\.execPath|goroutine \d|\.go:\d`)

// Check fails the test when a sentence is no reason.
func Check(t testing.TB, sentence string) {
	t.Helper()
	switch {
	case sentence == "":
		t.Error("there is no reason")
	case !utf8.ValidString(sentence), strings.ContainsFunc(sentence, unicode.IsControl):
		t.Errorf("the reason is not one line of text: %q", sentence)
	case len(sentence) > reason.Max:
		t.Errorf("the reason has %d bytes: %q", len(sentence), sentence)
	case sentence != strings.TrimSpace(sentence):
		t.Errorf("the reason has space around it: %q", sentence)
	case source.MatchString(sentence):
		t.Errorf("the reason shows what nobody needs: %q", sentence)
	case strings.Contains(sentence, "log says why"), !advice.MatchString(sentence), !strings.ContainsAny(sentence, ":;"):
		t.Errorf("the reason does not say what to do: %q", sentence)
	}
}

// Unavailable checks the availability of a runtime that is not there: its
// reason, and that of each problem, which has a step and a cause for the log.
func Unavailable(t testing.TB, a runtimes.Availability) {
	t.Helper()
	if a.Available || len(a.Problems) == 0 {
		t.Errorf("available: %t, for %d problems", a.Available, len(a.Problems))
		return
	}
	if a.Reason != a.Problems[0].Reason {
		t.Errorf("the reason %q is not that of the first problem", a.Reason)
	}
	Problems(t, a.Problems)
}

// Problems checks each of them.
func Problems(t testing.TB, problems []runtimes.Problem) {
	t.Helper()
	for i := range problems {
		p := &problems[i]
		Check(t, p.Reason)
		if p.Step == "" || p.Err == nil {
			t.Errorf("the log is not told step and cause: %+v", p)
		}
		if p.Err != nil && source.MatchString(p.Err.Error()) && strings.Contains(p.Err.Error(), "print(") {
			t.Errorf("the log is told a program: %v", p.Err)
		}
	}
}
