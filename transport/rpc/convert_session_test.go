package rpc

import (
	"slices"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

func TestAStrongerIsolationIsListedWhereItIsMore(t *testing.T) {
	usual := runtimes.Isolation{Score: 9, Layers: []runtimes.Layer{runtimes.MountNamespace}}
	stronger := runtimes.Isolation{Score: 10, Layers: []runtimes.Layer{runtimes.MountNamespace, runtimes.GVisor}}
	list := wireRuntimes([]sessions.Runtime{
		{Type: runtimes.Docker, Availability: runtimes.Availability{Available: true, Isolation: usual, Strongest: stronger}},
		{Type: runtimes.Native, Availability: runtimes.Availability{Available: true, Isolation: usual}},
	})
	docker, native := list.Runtimes[0], list.Runtimes[1]
	if docker.Isolation.Score != 9 || docker.Strongest == nil || docker.Strongest.Score != 10 || !slices.Contains(docker.Strongest.Layers, "gvisor") {
		t.Errorf("Docker is listed as %+v, %+v", docker.Isolation, docker.Strongest)
	}
	if native.Strongest != nil {
		t.Errorf("Native has %+v", native.Strongest)
	}
}
