package runtimetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var surroundingsCases = []testCase{
	{"VariablesAreThoseOfSessionAndCommand", variables},
	{"TheServersVariablesAreNotSeen", noServerVariables},
	{"TheWorkingDirectoryIsTheWorkspace", workingDirectory},
	{"HomeAndTmpAreWritable", writablePlaces},
	{"TheUserHasAName", namedUser},
	{"OnlyThreeDescriptorsAreOpen", descriptors},
	{"OutputFilesCanBeOpenedAgain", reopenOutput},
	{"TheProgramLeadsItsGroup", leadsGroup},
	{"SignalsAreAsAtTheStart", signalDispositions},
}

func variables(t *testing.T, s *suite) {
	env := s.environment(t)
	cmd := s.programs.Environment()
	cmd.Env = []string{"OF_THE_COMMAND=a=b c", "CONFORMANCE=of the command"}
	got := strings.Split(s.succeeds(t, env, cmd), "\n")
	for _, want := range cmd.Env {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	if slices.Contains(got, "CONFORMANCE=of the session") {
		t.Error("a variable is there twice")
	}
	got = strings.Split(s.succeeds(t, env, s.programs.Environment()), "\n")
	if !slices.Contains(got, "CONFORMANCE=of the session") || slices.Contains(got, cmd.Env[0]) {
		t.Errorf("the next command has %q", got)
	}
	if s.programs.Shell == nil {
		return
	}
	if got := s.succeeds(t, env, s.shell(t, `printf '%s|%s|%s' "$HOME" "$PATH" "$(locale charmap 2>/dev/null || echo "$LANG")"`)); !strings.Contains(got, "UTF-8") || strings.Contains(got, "||") || strings.HasPrefix(got, "|") {
		t.Errorf("home, path, locale: %q", got)
	}
}

func noServerVariables(t *testing.T, s *suite) {
	const name = "CODEBEAKER_SECRET_OF_THE_SERVER"
	t.Setenv(name, "secret")
	env := s.create(t, nil)
	if got := s.succeeds(t, env, s.programs.Environment()); strings.Contains(got, name) {
		t.Errorf("a program sees %q", got)
	}
	if s.programs.Shell == nil {
		return
	}
	if got := s.run(t, env, s.shell(t, `cat /proc/*/environ /proc/1/cmdline 2>/dev/null | tr '\0' '\n'`)); strings.Contains(got.stdout, name) {
		t.Error("a program reads the server's variables in /proc")
	}
}

func workingDirectory(t *testing.T, s *suite) {
	env := s.environment(t)
	if got := s.succeeds(t, env, s.programs.Directory()); got != "/workspace\n" {
		t.Errorf("%q", got)
	}
	cmd := s.programs.Directory()
	cmd.Dir = folder(t, env.Workspace()) + "/in ner"
	wantCode(t, "create", env.Workspace().CreateDirectory(t.Context(), runtimes.CreateDirectory{Path: cmd.Dir}), "")
	if got := s.succeeds(t, env, cmd); got != "/workspace/"+cmd.Dir+"\n" {
		t.Errorf("%q", got)
	}
}

func writablePlaces(t *testing.T, s *suite) {
	env := s.environment(t)
	s.succeeds(t, env, s.shell(t, `set -e; test -n "$HOME"; for d in "$HOME" /tmp "${TMPDIR:-/tmp}" /workspace; do echo x > "$d/probe"; cat "$d/probe"; rm "$d/probe"; done`))
	s.succeeds(t, env, s.shell(t, `set -e; f=$(mktemp); test -w "$f"; rm "$f"; echo x > /dev/null; head -c 8 /dev/urandom > /dev/null`))
}

func namedUser(t *testing.T, s *suite) {
	env := s.environment(t)
	got := strings.Fields(s.succeeds(t, env, s.shell(t, `id -u; id -un; grep -c ":x:$(id -u):" /etc/passwd; id -G`)))
	if len(got) < 4 || got[0] == "0" || got[2] != "1" {
		t.Errorf("uid, name, passwd entries, groups: %q", got)
	}
	if slices.Contains(got[3:], "0") {
		t.Errorf("a program is in group 0: %q", got)
	}
}

func descriptors(t *testing.T, s *suite) {
	env := s.environment(t)
	// ls itself opens the directory as 3.
	if got := strings.Fields(s.succeeds(t, env, s.shell(t, `exec ls /proc/self/fd`))); !slices.Equal(got, []string{"0", "1", "2", "3"}) {
		t.Errorf("open: %q", got)
	}
}

// Programs write to /dev/stderr by name; the pipes must belong to them.
func reopenOutput(t *testing.T, s *suite) {
	did := s.run(t, s.environment(t), s.shell(t, `echo out > /dev/stdout; echo err > /dev/stderr; echo again > /dev/fd/1`))
	if did.stdout != "out\nagain\n" || did.stderr != "err\n" {
		t.Error(did)
	}
}

func leadsGroup(t *testing.T, s *suite) {
	// pid, process group and session of the shell: fields 1, 5 and 6
	// (proc_pid_stat(5)).
	got := strings.Fields(s.succeeds(t, s.environment(t), s.shell(t, `read -r a b c d e f rest < /proc/$$/stat; echo $a $e $f`)))
	if len(got) != 3 || got[0] != got[1] || got[0] != got[2] {
		t.Errorf("pid, group, session: %q", got)
	}
}

func signalDispositions(t *testing.T, s *suite) {
	got := s.succeeds(t, s.environment(t), s.shell(t, `exec grep -E '^Sig(Blk|Ign):' /proc/self/status`))
	for line := range strings.Lines(got) {
		if fields := strings.Fields(line); len(fields) != 2 || strings.Trim(fields[1], "0") != "" {
			t.Errorf("%q", strings.TrimSpace(line))
		}
	}
}
