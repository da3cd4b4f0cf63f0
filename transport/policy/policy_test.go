package policy

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func load(t *testing.T, text string) (*File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(path)
}

func TestTheExampleOfTheDocsDoesWhatItSays(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	dir := t.TempDir()
	bad := []byte("harmful")
	if err := os.WriteFile(filepath.Join(dir, "known-bad.txt"), fmt.Appendf(nil, "# list\n%x  bad.bin\n", sha256.Sum256(bad)), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(path, example[1], 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(content string) Request {
		return Request{On: OnExecute, Type: "write_file", Path: "a", Content: []byte(content), Size: int64(len(content))}
	}
	large := write("AKIA0123456789ABCDEF")
	large.Size = 2_000_000
	for name, c := range map[string]struct {
		r       Request
		refused string
		marks   []string
	}{
		"a usual create":     {Request{On: OnCreate, MemoryMB: 512, CPUs: 1, Network: "none"}, "", nil},
		"a large one":        {Request{On: OnCreate, MemoryMB: 5000, CPUs: 1}, "small-sessions", nil},
		"a fast one":         {Request{On: OnCreate, MemoryMB: 500, CPUs: 2.5}, "small-sessions", nil},
		"the CI's large one": {Request{On: OnCreate, MemoryMB: 5000, Key: "01JCI0000000000000000000AA"}, "", nil},
		"an image":           {Request{On: OnCreate, Image: "docker.io/untrusted/x:1"}, "small-sessions", nil},
		"a network":          {Request{On: OnCreate, Network: "internet"}, "", []string{"online"}},
		"a miner":            {Request{On: OnExecute, Program: "/workspace/xmrig"}, "no-miners", nil},
		"a miner's argument": {Request{On: OnExecute, Program: "x", Args: []string{"-o", "stratum+tcp://192.0.2.1"}}, "no-miners", nil},
		"a program":          {Request{On: OnExecute, Program: "python3", Args: []string{"a.py"}}, "", nil},
		"a secret":           {write("id = AKIA0123456789ABCDEF"), "no-keys-in-files", nil},
		"a private key":      {write("-----BEGIN RSA PRIVATE KEY-----\nx"), "no-keys-in-files", nil},
		"text":               {write("hello"), "", nil},
		"when comes first":   {large, "", nil},
		"known bad":          {write(string(bad)), "known-bad", nil},
	} {
		d := f.Check(&c.r, nil)
		if d.Refused != (c.refused != "") || c.refused != "" && (d.Rule != c.refused || d.Reason == "") || !slices.Equal(d.Marks, c.marks) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestABadRuleIsToldWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"rules:\n- name: a\n  when: program ==\n  then: mark":                                      ":3: when: Syntax error",
		"rules:\n- name: a\n  when: prgram == 'x'\n  then: mark":                                   ":3: when: undeclared reference to 'prgram'",
		"rules:\n- name: a\n  when: |\n    true &&\n    size == 'x'\n  then: mark":                 ":5: when: found no matching overload",
		"rules:\n- name: a\n  when: size\n  then: mark":                                            ":3: when is a int",
		"rules:\n- name: a\n  when: 'true'\n  then: deny":                                          ":4: then is \"deny\"",
		"rules:\n- name: a\n  when: 'true'":                                                        ":2: then is \"\"",
		"rules:\n- name: a\n  when: 'true'\n  then: refuse":                                        ":2: say is the sentence",
		"rules:\n- name: a\n  when: 'true'\n  on: delete\n  then: mark":                            ":4: on is \"delete\"",
		"rules:\n- name: a\n  then: mark":                                                          ":2: the rule \"a\" has neither",
		"rules:\n- when: 'true'\n  then: mark":                                                     ":2: a rule must have a name",
		"rules:\n- name: a\n  if: 'true'":                                                          ":3: there is no member \"if\"",
		"rules:\n- name: a\n  when: 'true'\n  then: mark\n- name: a\n  when: 'true'\n  then: mark": ":5: there are two rules",
		"rules:\n- name: a\n  scan: [x]\n  then: mark":                                             ":3: there is no detector \"x\"",
		"detectors:\n  x:\n    patterns: ['(']":                                                    ":3: error parsing regexp",
		"detectors:\n  x:\n    sha256: none.txt":                                                   ":3: sha256: open",
		"rule: []":                                                                                 ":1: there is no member \"rule\"",
		"rules:\n  - a: [1":                                                                        ":1: did not find",
		"rules: 5":                                                                                 ":1: rules must be a list",
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n%v\nnot %s", text, err, want)
		}
	}
}

func TestAReloadThatIsWrongLeavesTheRules(t *testing.T) {
	f, err := load(t, "rules:\n- {name: a, when: 'program == \"x\"', then: refuse, say: no}")
	if err != nil {
		t.Fatal(err)
	}
	x := &Request{On: OnExecute, Program: "x"}
	if err := os.WriteFile(f.path, []byte("rules: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Reload(); err == nil || !f.Check(x, nil).Refused {
		t.Errorf("after a wrong file: %v", err)
	}
	if err := os.WriteFile(f.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Reload(); err != nil || f.Check(x, nil).Refused {
		t.Errorf("after an empty one: %v", err)
	}
}

// An expression that would take long is given up, and what it was to refuse is.
func TestTheCostOfARuleIsBounded(t *testing.T) {
	f, err := load(t, `
rules:
- {name: seen, when: 'args.all(a, args.all(b, args.all(c, a + b != c)))', then: mark}
- {name: bound, when: 'args.exists(a, args.exists(b, args.exists(c, a + b == c)))', then: refuse, say: no}`)
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{On: OnExecute, Args: make([]string, 10_000)}
	for i := range r.Args {
		r.Args[i] = "some argument"
	}
	begin := time.Now()
	d := f.Check(r, nil)
	if !d.Refused || d.Rule != "bound" || !strings.Contains(d.Reason, "cannot be evaluated") || !slices.Equal(d.Marks, []string{"seen?"}) {
		t.Errorf("%+v", d)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
