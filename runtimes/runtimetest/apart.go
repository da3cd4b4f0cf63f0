package runtimetest

import (
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var apartCases = []testCase{
	{"SessionsDoNotSeeEachOthersFiles", filesApart},
	{"SessionsDoNotSeeEachOthersProcesses", processesApart},
	{"SessionsDoNotShareAUser", usersApart},
	{"WithoutANetworkThereIsNone", noNetwork},
}

func filesApart(t *testing.T, s *suite) {
	s.needs(t, OwnFiles)
	one, two := s.create(t, nil), s.create(t, nil)
	s.succeeds(t, one, s.shell(t, `for d in /tmp "$HOME" /dev/shm /workspace /var/tmp; do echo x > "$d/mark-of-one"; done 2>/dev/null; test -f /tmp/mark-of-one`))
	did := s.run(t, two, s.shell(t, `find / -xdev -name mark-of-one 2>/dev/null; ls -d /tmp/mark-of-one "$HOME/mark-of-one" /dev/shm/mark-of-one /workspace/mark-of-one /var/tmp/mark-of-one 2>/dev/null`))
	if did.stdout != "" {
		t.Errorf("another session sees %q", did.stdout)
	}
}

func processesApart(t *testing.T, s *suite) {
	one, two := s.create(t, nil), s.create(t, nil)
	p, r := s.start(t, one, s.shell(t, `echo ready; exec sleep 98765`))
	r.untilText(runtimes.Stdout, "ready")
	did := s.run(t, two, s.shell(t, `cat /proc/[0-9]*/cmdline | tr '\0' ' '`))
	if strings.Contains(did.stdout, "98765") {
		t.Errorf("another session sees %q", did.stdout)
	}
	s.run(t, two, s.shell(t, `kill -s KILL -1`))
	time.Sleep(50 * time.Millisecond) // for a wrong kill to be told
	if r.exited() {
		t.Errorf("another session ended it: %+v", *r.exit)
	}
	p.Signal(runtimes.SIGKILL)
	r.wait()
}

func usersApart(t *testing.T, s *suite) {
	one, two := s.create(t, nil), s.create(t, nil)
	if !one.Isolation().Has(runtimes.OwnUID) {
		t.Skip("no uid of its own for each session is claimed (Isolation.Layers)")
	}
	if one.Isolation().Has(runtimes.UserNamespace) {
		t.Skip("the uid inside is not that of the host")
	}
	first, second := s.succeeds(t, one, s.shell(t, "id -u")), s.succeeds(t, two, s.shell(t, "id -u"))
	if first == second {
		t.Errorf("two sessions have uid %s", first)
	}
}

func noNetwork(t *testing.T, s *suite) {
	env := s.environment(t)
	if !env.Isolation().Has(runtimes.NetworkNamespace) {
		t.Skip("no network namespace is claimed (Isolation.Layers)")
	}
	// Interfaces with two lines of heading (proc_pid_net(5)).
	got := s.succeeds(t, env, s.shell(t, `tail -n +3 /proc/net/dev | sed 's/:.*//; s/ //g'`))
	for name := range strings.FieldsSeq(got) {
		// The kernel shows unused tunnels in every namespace.
		if name != "lo" && !strings.HasSuffix(name, "0") {
			t.Errorf("interface %q", name)
		}
	}
	if routes := s.succeeds(t, env, s.shell(t, `tail -n +2 /proc/net/route`)); routes != "" {
		t.Errorf("routes: %q", routes)
	}
}
