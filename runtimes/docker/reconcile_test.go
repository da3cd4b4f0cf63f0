package docker

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func left(labels ...string) map[string]any {
	set := map[string]any{labelApp: appName}
	for i := 0; i < len(labels); i += 2 {
		set[labels[i]] = labels[i+1]
	}
	return map[string]any{"Labels": set}
}

func TestSweepRemovesWhatHasOurMarkAndNothingElse(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, nil)
	d.add("codebeaker-old-1", left(labelInstance, "mark-1"))
	d.add("codebeaker-other-1", left(labelInstance, "mark-2"))
	d.add("a-stranger", left())
	if err := os.MkdirAll(r.environments()+"/codebeaker-old-1/link", 0o755); err != nil {
		t.Fatal(err)
	}
	d.volumes["codebeaker-old-volume"] = map[string]string{labelInstance: "mark-1"}
	d.volumes["codebeaker-other-volume"] = map[string]string{labelInstance: "mark-2"}
	if err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"a-stranger", "codebeaker-other-1", "codebeaker-other-volume"}
	if got := d.left(); !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
	// Other users of the host could reach the agents' sockets otherwise.
	if info, err := os.Stat(r.environments()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory of environments is %v, %v", info, err)
	}
}

func TestSweepWithoutAnEngineIsNoError(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, func(o *Options) { o.Host = "unix:///nonexistent/engine.sock" })
	if err := r.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

// Two servers on one engine.
func TestReconcileKeepsWhatIsClaimedAndWhatIsAnothers(t *testing.T) {
	d := newDaemon(t)
	first := newFakeRuntime(t, d, nil)
	second := newFakeRuntime(t, d, func(o *Options) { o.Mark = "mark-2" })
	var environments []runtimes.Environment
	for _, r := range []*Runtime{first, second} {
		env, err := r.Create(t.Context(), python)
		if err != nil {
			t.Fatal(err)
		}
		environments = append(environments, env)
	}
	for _, r := range []*Runtime{first, second} {
		if err := r.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.left(); len(got) != 2 {
		t.Errorf("left are %v, want the two containers", got)
	}
	for _, env := range environments {
		select {
		case <-env.Lost():
			t.Error("an environment counts as lost")
		default:
		}
		closeTrial(t.Context(), env)
	}
	if got := d.left(); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
}

// The fake link notices nothing, so that only the event can tell.
func TestTheDeathOfAContainerIsNoticedByItsEvent(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, nil)
	env := mustCreate(t, r)
	eventually(t, "the runtime follows the events", func() bool { return d.called("events") > 0 && d.called("list") > 0 })
	d.mu.Lock()
	d.tellLocked("die", d.findLocked(env.ContainerID()))
	d.mu.Unlock()
	waitLost(t, env)
}

// While the events are away a container goes; the next connect finds out.
func TestAGapInTheEventsIsMadeUpByComparing(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, nil)
	env := mustCreate(t, r)
	eventually(t, "the runtime follows the events", func() bool { return d.called("events") > 0 && d.called("list") > 0 })
	d.fail("events", status(500))
	d.cutEvents()
	d.mu.Lock()
	delete(d.containers, env.ContainerID())
	d.mu.Unlock()
	d.add("codebeaker-stray", left(labelInstance, "mark-1"))
	d.fail("events", nil)
	waitLost(t, env)
	eventually(t, "what nobody claims is removed", func() bool { return len(d.left()) == 0 })
}

func mustCreate(t *testing.T, r *Runtime) runtimes.Environment {
	t.Helper()
	env, err := r.Create(t.Context(), python)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeTrial(t.Context(), env) })
	return env
}

func waitLost(t *testing.T, env runtimes.Environment) {
	t.Helper()
	select {
	case <-env.Lost():
	case <-time.After(10 * time.Second):
		t.Fatal("the environment is not lost")
	}
}
