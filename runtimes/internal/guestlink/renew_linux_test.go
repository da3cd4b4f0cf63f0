package guestlink

import (
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// followers runs a program to its end, and then one that waits for a line, in
// the group of the first.
func followers(t *testing.T, l *Link, first runtimes.Command) (ended *process, r *recorder, p *process) {
	t.Helper()
	// What the kernel keeps charged to a group decides whether it is renewed.
	for range 10 {
		r, before := start(t, l, first)
		r.wait(t)
		ended = before.(*process)
		waitFor(t, "the group to be given back", func() bool { return given(ended) })
		r, after := start(t, l, runtimes.Command{Name: "sh", Args: []string{"-c", "echo up; read go; exit 7"}, OpenStdin: true})
		r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
		if p = after.(*process); p.group == ended.group {
			return ended, r, p
		}
		p.CloseInput()
		r.wait(t)
	}
	t.Skip("the kernel keeps something charged to every group that was used")
	return nil, nil, nil
}

func given(p *process) bool {
	p.acting.Lock()
	defer p.acting.Unlock()
	return p.left && len(p.link.groups.spareNow()) > 0
}

func (g *groups) spareNow() []*group {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.spare
}

func openRenewable(t *testing.T) *Link {
	t.Helper()
	l := openInGroup(t, cgroup.Limits{}, Options{})
	if l.groups.environment.Version() != cgroup.V1 {
		t.Skip("groups of version 2 are not renewed")
	}
	return l
}

func TestALateWordAboutAnEndedProgramDoesNotReachTheNextInItsGroup(t *testing.T) {
	l := openRenewable(t)
	ended, r, p := followers(t, l, runtimes.Command{Name: "true"})
	ended.signalTree(runtimes.SIGTERM)
	ended.signalTree(runtimes.SIGKILL)
	ended.endGroup()
	if ended.killGroup() {
		t.Error("there was something to kill")
	}
	p.CloseInput()
	if exit := r.wait(t); exit.Code == nil || *exit.Code != 7 {
		t.Errorf("got %+v", exit)
	}
}

func TestAGroupThatIsUsedAgainTellsOfOneExecutionOnly(t *testing.T) {
	l := openRenewable(t)
	busy := shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
	ended, r, p := followers(t, l, busy)
	before, _ := ended.group.OOMKills()
	p.CloseInput()
	exit := r.wait(t)
	if exit.Usage.CPU == nil || *exit.Usage.CPU > 50*time.Millisecond || exit.Usage.PeakMemory == nil || *exit.Usage.PeakMemory > 4<<20 || before != 0 {
		t.Errorf("it used %v and %d bytes", *exit.Usage.CPU, *exit.Usage.PeakMemory)
	}
}

func TestAGroupWithLimitsOfItsOwnIsNotUsedAgain(t *testing.T) {
	l := openRenewable(t)
	for name, limits := range map[string]runtimes.CommandLimits{"memory": {MemoryBytes: 64 << 20}, "processes": {Processes: 10}} {
		r, p := start(t, l, runtimes.Command{Name: "true", Limits: limits})
		r.wait(t)
		used := p.(*process).group
		for range 3 {
			r, p := start(t, l, runtimes.Command{Name: "true"})
			if p.(*process).group == used {
				t.Errorf("%s: it is", name)
			}
			r.wait(t)
		}
	}
}

func TestAGroupThatHadToBeEndedIsNotUsedAgain(t *testing.T) {
	l := openRenewable(t)
	r, p := start(t, l, shell("sleep 60 & exit 0"))
	r.wait(t)
	used := p.(*process).group
	for range 3 {
		r, p := start(t, l, shell("(exit 3)"))
		if exit := r.wait(t); exit.Code == nil || *exit.Code != 3 {
			t.Errorf("got %+v", exit)
		}
		if p.(*process).group == used {
			t.Error("it is")
		}
	}
}
