package runtimetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var toolCases = []testCase{
	{"GitWorksInTheWorkspace", gitInWorkspace},
	{"GitInventsNoIdentity", gitWithoutIdentity},
	{"TheUsualCommandsWork", usualCommands},
	{"CIsCompiled", compiledC},
}

// identity is who commits, for git.
var identity = []string{
	"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org",
}

// hasGit skips a case on a host without git, whose boxes have none either.
func (s *suite) hasGit(t *testing.T, env runtimes.Environment) {
	t.Helper()
	if s.run(t, env, s.shell(t, "command -v git")).Status != runtimes.Completed {
		if s.rt.Type() == runtimes.Docker {
			t.Fatal("the language image has no git")
		}
		t.Skip("this machine has no git")
	}
}

// The workspace and what is made in it by calls belong to the programs' user:
// git trusts no directory of another's ("dubious ownership").
func gitInWorkspace(t *testing.T, s *suite) {
	env := s.create(t, nil)
	s.hasGit(t, env)
	for _, dir := range []string{"", folder(t, env.Workspace())} {
		init := s.shell(t, "git init -q . && echo one > a && git add a && git commit -q -m first && git show HEAD:a && git status --short --ignored -- a")
		init.Dir, init.Env = dir, identity
		if got := s.succeeds(t, env, init); got != "one\n" {
			t.Errorf("in %q: %q", dir, got)
		}
	}
}

func gitWithoutIdentity(t *testing.T, s *suite) {
	env := s.create(t, nil)
	s.hasGit(t, env)
	did := s.run(t, env, s.shell(t, "git init -q . && echo one > a && git add a && git commit -q -m first"))
	if did.Status != runtimes.NonZeroExit || !strings.Contains(did.stderr, "git config --global user.email") {
		t.Error(did)
	}
}

// usual is a job for each command that the language images have; it prints the
// names of those that did theirs.
const usual = `d=$(mktemp -d) && cd "$d" || exit
same() { [ "$1" = "$2" ] && printf '%s ' "$3"; }
echo one > a
same "$(curl -s file://$PWD/a)" one curl
zip -q a.zip a && rm a && unzip -q a.zip && same "$(cat a)" one zip+unzip
xz a && xz -d a.xz && same "$(cat a)" one xz
bzip2 a && bzip2 -d a.bz2 && same "$(cat a)" one bzip2
printf '%s\n' '--- a' '+++ a' '@@ -1 +1 @@' -one +two | patch -s a && same "$(cat a)" two patch
printf 'all: ; @echo made\n' > Makefile && same "$(make)" made make
same "$(file -b --mime-type a)" text/plain file
same "$(echo '{"a":[2]}' | jq -c .a)" '[2]' jq
same "$(sqlite3 test.db 'create table t(n); insert into t values (2); select n+1 from t')" 3 sqlite3
same "$(less a)" two less
same "$(ps -o pid= -p $$ | tr -d ' ')" $$ ps
same "$(vi --version | head -c 3)" VIM vi
`

// images are the languages in whose Docker images a case looks: the suite's
// own, and with the first one those that no suite is run for.
func (s *suite) images(t *testing.T) []runtimes.Language {
	t.Helper()
	if s.rt.Type() != runtimes.Docker {
		t.Skip("a box has the tools of its machine")
	}
	languages := []runtimes.Language{s.language}
	if s.language == runtimes.Python {
		languages = append(languages, runtimes.Go, runtimes.CSharp)
	}
	return languages
}

func (s *suite) createFor(t *testing.T, language runtimes.Language) runtimes.Environment {
	t.Helper()
	return s.create(t, func(spec *runtimes.Spec) { spec.Language = language })
}

func usualCommands(t *testing.T, s *suite) {
	want := strings.Fields("curl zip+unzip xz bzip2 patch make file jq sqlite3 less ps vi")
	for _, language := range s.images(t) {
		did := s.run(t, s.createFor(t, language), s.shell(t, usual))
		if got := strings.Fields(did.stdout); !slices.Equal(got, want) {
			t.Errorf("%v: %q do their job, not %q: %s", language, got, want, did)
		}
	}
}

// helloC is a program in C, moduleC a module of Python, which needs its headers,
// callsC is a program in Go that calls C.
const (
	helloC = `cat > /tmp/hello.c <<'C'
#include <math.h>
#include <stdio.h>
int main(int argc, char **argv) { printf("%.0f\n", sqrt(argc * 9)); return 0; }
C
cc -O1 -o /tmp/hello /tmp/hello.c -lm && /tmp/hello
`
	moduleC = `cat > /tmp/answer.c <<'C'
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "answer", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_answer(void) { return PyModule_Create(&module); }
C
cc -shared -fPIC $(python3-config --includes) -o /tmp/answer.so /tmp/answer.c && PYTHONPATH=/tmp python3 -c 'import answer; print(answer.__name__)'
`
	callsC = `cat > /tmp/cgo.go <<'GO'
package main

// static int add(int a, int b) { return a + b; }
import "C"

func main() { print(C.add(1, 2), "\n") }
GO
go run /tmp/cgo.go 2>&1
`
)

func compiledC(t *testing.T, s *suite) {
	for _, language := range s.images(t) {
		if language == runtimes.CSharp {
			continue // its programs call no C compiler
		}
		env := s.create(t, func(spec *runtimes.Spec) {
			spec.Language = language
			spec.Limits.MemoryBytes = 512 << 20 // for the compilers
		})
		compile := func(script, want string) {
			if got := s.succeeds(t, env, s.shell(t, script)); got != want {
				t.Errorf("%v: %q", language, got)
			}
		}
		compile(helloC, "3\n")
		switch language {
		case runtimes.Python:
			compile(moduleC, "answer\n")
		case runtimes.Go:
			compile(callsC, "3\n")
		}
	}
}
