package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/codebeaker/codebeaker/"

// layers says for each package which packages of ours it may import; a name
// that ends in "/..." stands for everything below. Imports run one way:
// cmd -> transport -> actors -> runtimes.
var layers = map[string][]string{
	"runtimes":                          {},
	"runtimes/fake":                     {"runtimes", "runtimes/internal/workspace"},
	"runtimes/runtimetest":              {"runtimes"},
	"runtimes/calibration":              {"runtimes"},
	"runtimes/host":                     {"runtimes", "runtimes/..."},
	"runtimes/kernel":                   {"runtimes", "runtimes/internal/gocell", "runtimes/internal/script"},
	"runtimes/...":                      {"runtimes", "runtimes/internal/..."}, // each runtime
	"runtimes/guest":                    {"runtimes", "runtimes/guest/internal/...", "runtimes/internal/..."},
	"runtimes/guest/internal/...":       {"runtimes", "runtimes/internal/..."},
	"runtimes/internal/boxed/boxedtest": {"runtimes", "runtimes/internal/...", "runtimes/runtimetest"},
	"runtimes/internal/...":             {"runtimes", "runtimes/internal/..."},
	"bench/internal/workload":           {"bench/internal/...", "runtimes", "transport/client", "transport/protocol"},
	"bench/internal/baseline":           {"bench/internal/...", "runtimes", "transport/client", "transport/protocol"},
	"cmd/guest":                         {"runtimes/guest", "runtimes/internal/..."},
	"actors/output":                     {"runtimes", "runtimes/kernel"},
	"actors":                            {"runtimes", "runtimes/kernel", "actors/output"},
	"transport/jsonrpc":                 {},
	"transport/budget":                  {},
	"transport/websocket":               {"transport/budget"},
	"transport/protocol":                {"transport/jsonrpc"},
	"transport/audit":                   {},
	"transport/policy":                  {},
	"transport/sessions":                {"actors", "actors/output", "runtimes", "runtimes/kernel", "transport/audit", "transport/policy"},
	"transport":                         {"actors", "runtimes", "transport/audit", "transport/sessions"},
	"transport/rpc":                     {"actors", "actors/output", "runtimes", "transport", "transport/budget", "transport/jsonrpc", "transport/protocol", "transport/sessions", "transport/websocket"},
	"transport/sessions/remote":         {"actors", "actors/output", "runtimes", "runtimes/kernel", "transport/client", "transport/jsonrpc", "transport/protocol", "transport/rpc", "transport/sessions"},
	"transport/client":                  {"transport/jsonrpc", "transport/protocol", "transport/websocket"},
	"transport/streamtest":              {"transport/protocol"},
	"cmd/codebeaker":                    {"actors", "runtimes", "runtimes/host", "runtimes/calibration", "transport", "transport/audit", "transport/budget", "transport/policy", "transport/rpc", "transport/sessions", "transport/websocket", "transport/client", "transport/protocol"},
	"bench":                             {"bench/internal/...", "actors", "actors/output", "runtimes", "runtimes/...", "transport", "transport/..."},
	"bench/internal/local":              {"actors", "runtimes", "runtimes/host", "transport", "transport/rpc", "transport/sessions", "transport/websocket"},
	"bench/internal/load":               {"bench/internal/...", "transport/client", "transport/protocol", "transport/jsonrpc", "transport/websocket"},
	"bench/internal/...":                {"bench/internal/...", "transport/client", "transport/protocol"},
}

// owners are the libraries that few packages may import.
var owners = map[string][]string{
	"github.com/asynkron/protoactor-go": {"actors"},
	"github.com/bmatcuk/doublestar":     {"runtimes"},
	"github.com/docker/docker":          {"runtimes/docker"},
	"github.com/coreos/go-systemd":      {"runtimes/internal/cgroup"},
	"github.com/godbus/dbus":            {"runtimes/internal/cgroup"},
	"github.com/distribution/reference": {"runtimes"},
	"github.com/gobwas/ws":              {"transport/websocket"},
	"github.com/elastic/go-seccomp-bpf": {"runtimes/internal/...", "runtimes/guest", "runtimes/guest/internal/..."},
	"github.com/goccy/go-json":          {"transport", "transport/...", "bench", "bench/internal/..."},
	"github.com/spf13/cobra":            {"cmd/codebeaker"},
	"golang.org/x/term":                 {"cmd/codebeaker"},
	"github.com/knadh/koanf":            {"cmd/codebeaker"},
	"gvisor.dev/gvisor":                 {"runtimes/internal/egress"},
	"github.com/peterh/liner":           {"cmd/codebeaker"},
	"github.com/prometheus":             {"transport", "transport/rpc"},
	"github.com/montanaflynn/stats":     {"runtimes/calibration", "bench", "bench/internal/..."},
	"github.com/HdrHistogram":           {"bench/internal/load"},
	"github.com/schollz/progressbar":    {"bench/internal/measure"},
	"go.yaml.in/yaml":                   {"bench/internal/load", "transport/policy"},
	"cel.dev/cel-go":                    {"transport/policy"},
	"gopkg.in/natefinch/lumberjack.v2":  {"transport/audit"},
	"golang.org/x/time":                 {"transport/sessions"},
	"golang.org/x/perf":                 {"bench/internal/result"},
	"github.com/evanw/esbuild":          {"runtimes/internal/script"},
	"github.com/tdewolff/parse":         {"runtimes/internal/script"},
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if prefix, all := strings.CutSuffix(pattern, "/..."); all {
			return strings.HasPrefix(name, prefix+"/")
		}
		return pattern == name
	})
}

// allowed finds the row of a package: its own, or that of what is above it.
func allowed(name string) ([]string, bool) {
	if row, ok := layers[name]; ok {
		return row, true
	}
	longest := ""
	for pattern := range layers {
		if strings.HasSuffix(pattern, "/...") && matches([]string{pattern}, name) && len(pattern) > len(longest) {
			longest = pattern
		}
	}
	return layers[longest], longest != ""
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		row, ok := allowed(name)
		if !ok && !strings.Contains(name, "/testdata/") && !strings.HasSuffix(name, "test") {
			t.Errorf("package %s has no row in the table of layers", name)
			continue
		}
		for _, path := range p.Imports {
			if imported, ours := strings.CutPrefix(path, module); ours && ok && !matches(row, imported) {
				t.Errorf("%s must not import %s", name, imported)
			}
		}
	}
}

func TestImportsOfLibrariesAreTheirOwners(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, path := range p.Imports {
			for library, owned := range owners {
				if (path == library || strings.HasPrefix(path, library+"/")) && !matches(owned, name) {
					t.Errorf("%s must not import %s: only %s may", name, path, strings.Join(owned, ", "))
				}
			}
		}
	}
}
