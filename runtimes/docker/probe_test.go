package docker

import (
	"strings"
	"testing"
)

func TestProbeSaysWhatToDoWhenThereIsNoEngine(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, func(o *Options) { o.Host = "unix:///nonexistent/engine.sock" })
	found := r.Probe(t.Context())
	if found.Available || found.Reason != "No Docker engine answers at unix:///nonexistent/engine.sock: start it or run `make engine`." {
		t.Errorf("the probe says %+v", found)
	}
}

func TestProbeSaysWhatToDoWhenThereIsNoImage(t *testing.T) {
	d := newDaemon(t)
	d.fail("image", status(404))
	found := newFakeRuntime(t, d, nil).Probe(t.Context())
	if found.Available || !strings.Contains(found.Reason, "make images") || found.Version != "20.10.24" {
		t.Errorf("the probe says %+v", found)
	}
}

func TestProbeOfAFaultyEngineIsAReasonInTime(t *testing.T) {
	for _, route := range []string{"ping", "version", "image", "create", "start"} {
		for name, f := range allFaults {
			t.Run(route+" meets "+name, func(t *testing.T) {
				t.Parallel()
				d := newDaemon(t)
				d.fail(route, f)
				found := newFakeRuntime(t, d, nil).Probe(t.Context())
				// The ping's status and body do not matter: something answers.
				if found.Available || found.Reason == "" || strings.Contains(found.Reason, "/var/lib") {
					t.Errorf("the probe says %+v", found)
				}
			})
		}
	}
}

func TestVersionsAreTakenOutOfWhatToolsPrint(t *testing.T) {
	mono := &imageFacts{toolchain: "mono"}
	for _, example := range []struct{ tool, output, want string }{
		{"node", "v24.1.0", "24.1.0"},
		{"tsx", "tsx v4.23.15\nnode v24.1.0", "4.23.15"},
		{"python3", "Python 3.11.2", "3.11.2"},
		{"go", "go version go1.26.5 linux/amd64", "1.26.5"},
		{"mono", "Mono JIT compiler version 6.8.0.105 (Debian 6.8.0.105+dfsg-3.3)\nCopyright", "6.8.0.105"},
		{"dotnet", "10.0.100", "10.0.100"},
		{"python3", "", ""},
	} {
		found := false
		for _, image := range []*imageFacts{mono, {toolchain: "dotnet"}} {
			for language := range DefaultImages {
				for _, tool := range toolsOf(language, image) {
					if tool.name == example.tool {
						found = true
						if got := tool.version(example.output); got != example.want {
							t.Errorf("%s: %q gives %q, want %q", tool.name, example.output, got, example.want)
						}
					}
				}
			}
		}
		if !found {
			t.Errorf("no language has the tool %s", example.tool)
		}
	}
}
