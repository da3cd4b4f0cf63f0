package runtimes

import "testing"

func TestEveryNameIsReadBack(t *testing.T) {
	for _, typ := range Types() {
		if got, ok := ParseType(typ.String()); !ok || got != typ {
			t.Errorf("type %v reads as %v", typ, got)
		}
	}
	for _, l := range Languages() {
		for _, name := range append([]string{l.String()}, l.Aliases()...) {
			if got, ok := ParseLanguage(name); !ok || got != l {
				t.Errorf("language %q reads as %v", name, got)
			}
		}
	}
	for p := Speed; p <= Balanced; p++ {
		if got, ok := ParsePreference(p.String()); !ok || got != p {
			t.Errorf("preference %v reads as %v", p, got)
		}
	}
	for n := Signal(1); n <= 31; n++ {
		if got, ok := ParseSignal(n.String()); !ok || got != n {
			t.Errorf("signal %v reads as %v", n, got)
		}
	}
	for status := Completed; int(status) < statusCount; status++ {
		if status.String() == "" {
			t.Errorf("status %d has no word", status)
		}
	}
}

func TestNamesAreReadWithoutRegardToCase(t *testing.T) {
	if got, _ := ParseType("dOcKeR"); got != Docker {
		t.Error(got)
	}
	if got, _ := ParseLanguage("C#"); got != CSharp {
		t.Error(got)
	}
	if got, _ := ParsePreference("speed"); got != Speed {
		t.Error(got)
	}
	if got, _ := ParseSignal("term"); got != SIGTERM {
		t.Error(got)
	}
	for _, bad := range []string{"", "Podman", "SIG", "SIGFOO", "cobol"} {
		_, t1 := ParseType(bad)
		_, t2 := ParseLanguage(bad)
		_, t3 := ParsePreference(bad)
		_, t4 := ParseSignal(bad)
		if t1 || t2 || t3 || t4 {
			t.Errorf("%q is read as something", bad)
		}
	}
}

func TestTheZeroStatusIsInvalid(t *testing.T) {
	if Status(0).String() != "" || Status(200).String() != "" {
		t.Error("an invalid status has a word")
	}
}
