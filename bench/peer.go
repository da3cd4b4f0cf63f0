package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/peer"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// engines are the peers that were named.
func (f *measureFlags) engines() ([]peer.Engine, error) {
	var found []peer.Engine
	for _, text := range f.peers {
		e, err := peer.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%w: -peer: %w", errUsage, err)
		}
		found = append(found, e)
	}
	if _, ok := workload.HelloOf("Docker", f.language); !ok {
		return nil, fmt.Errorf("%w: -language: there is no program in %q", errUsage, f.language)
	}
	return found, nil
}

// peerTasks run one program on every runtime and on every peer, each time in
// an environment of its own; and on the runtimes in a session that lives, which
// the peers do not have.
func (p *place) peerTasks(f *measureFlags, dir string) (tasks []*measure.Task, absent []*result.Series, err error) {
	engines, err := f.engines()
	if err != nil {
		return nil, nil, err
	}
	tasks, absent = workload.Tasks(p.target, workload.Options{Effort: f.effort(), Language: f.language, Wanted: func(scenario string) bool {
		return scenario == workload.OneShot || scenario == workload.Hello
	}})
	program, _ := workload.HelloOf("Docker", f.language)
	for i, e := range engines {
		own := filepath.Join(dir, fmt.Sprint("peer-", i))
		if err := os.Mkdir(own, 0o755); err != nil {
			return nil, nil, err
		}
		tasks = append(tasks, peer.Task(e, f.language, program, own, f.effort()))
	}
	return tasks, absent, nil
}
