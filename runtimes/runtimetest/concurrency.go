package runtimetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var concurrencyCases = []testCase{
	{"SixRunAtOnce", sixAtOnce},
	{"ManyStartAtOnce", manyAtOnce},
	{"FilesAndProgramsMix", filesAndPrograms},
	{"ManyEnvironmentsAtOnce", manyEnvironments},
}

func sixAtOnce(t *testing.T, s *suite) {
	env := s.environment(t)
	type one struct {
		runtimes.Process
		*recorder
	}
	var all []one
	for i := range 6 {
		cmd := s.programs.Echo()
		cmd.OpenStdin = true
		p, r := s.start(t, env, cmd)
		feed(t, p, r, fmt.Appendf(nil, "program %d\n", i))
		all = append(all, one{p, r})
	}
	for i, p := range all { // all of them live
		p.untilText(runtimes.Stdout, fmt.Sprintf("program %d\n", i))
		if p.exited() {
			t.Errorf("program %d has ended", i)
		}
	}
	for i, p := range all {
		p.CloseInput()
		if exit := p.wait(); exit.Status != runtimes.Completed || p.text(runtimes.Stdout) != fmt.Sprintf("program %d\n", i) {
			t.Errorf("program %d: %+v, %q", i, exit, p.text(runtimes.Stdout))
		}
	}
}

func manyAtOnce(t *testing.T, s *suite) {
	env := s.environment(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				r := newRecorder(t)
				want := fmt.Sprintf("%d of %d", j, i)
				p, err := env.Start(t.Context(), s.programs.Print(want, ""), r)
				if err != nil {
					t.Errorf("start: %v", err)
					return
				}
				r.bind(p)
				if exit := r.wait(); exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != want {
					t.Errorf("%+v, %q, want %q", exit, r.text(runtimes.Stdout), want)
				}
			}
		})
	}
	wg.Wait()
}

func filesAndPrograms(t *testing.T, s *suite) {
	env := s.environment(t)
	ws := env.Workspace()
	dir := folder(t, ws)
	var wg sync.WaitGroup
	defer wg.Wait() // also when a program fails
	for i := range 4 {
		name := fmt.Sprintf("%s/f%d", dir, i)
		wg.Go(func() {
			for j := range 20 {
				want := fmt.Sprint(i, j)
				if _, err := ws.WriteFile(t.Context(), runtimes.WriteFile{Path: name, Content: []byte(want)}); err != nil {
					t.Errorf("write: %v", err)
				}
				found, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: name})
				if err != nil || string(found.Content) != want {
					t.Errorf("read %q, %v", found.Content, err)
				}
				if _, err := ws.ListDirectory(t.Context(), runtimes.ListDirectory{Recursive: true, Path: "."}); err != nil {
					t.Errorf("list: %v", err)
				}
			}
		})
	}
	for range 10 {
		s.succeeds(t, env, s.programs.Print("x", "y"))
	}
}

func manyEnvironments(t *testing.T, s *suite) {
	const count = 4
	envs := make([]runtimes.Environment, count)
	specs := make([]runtimes.Spec, count)
	var wg sync.WaitGroup
	for i := range count {
		specs[i] = s.spec()
		wg.Go(func() {
			env, err := s.rt.Create(t.Context(), specs[i])
			if err != nil {
				t.Errorf("create: %v", err)
				return
			}
			envs[i] = env
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for i, env := range envs {
		if env == nil {
			continue
		}
		if ids[env.ID()] {
			t.Errorf("id %q twice", env.ID())
		}
		ids[env.ID()] = true
		s.succeeds(t, env, s.programs.WriteFile("/workspace/whose", specs[i].Name))
	}
	for i, env := range envs {
		if env == nil {
			continue
		}
		if got := readFile(t, env.Workspace(), "whose"); got != specs[i].Name {
			t.Errorf("the workspace of %s holds %q", specs[i].Name, got)
		}
		s.remove(t, env, specs[i].Name)
	}
}
