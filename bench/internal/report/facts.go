package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// fact is a line of the head of a report.
type fact struct{ Name, Value string }

// facts say on what, when and how a run was made.
func facts(r *result.Run) []fact {
	h := r.Host
	lines := []fact{
		{"command", strings.Join(r.Command, " ")},
		{"when", r.Started.Format(time.RFC3339) + fmt.Sprintf(", for %.0f s", r.Seconds)},
		{"server", server(r)},
		{"machine", strings.Join(some(h.CPU, count(int64(h.CPUs), "CPUs"), count(h.MemoryBytes>>30, "GiB"), h.OS+"/"+h.Arch), ", ")},
		{"system", strings.Join(some(h.Distribution, prefixed("kernel ", h.Kernel), prefixed("control groups version ", number(h.CgroupVersion))), ", ")},
		{"load before", fmt.Sprintf("%.2f (average of a minute)", h.Load1)},
		{"engine", strings.Join(some(prefixed("Docker ", h.Engine), prefixed("containerd ", h.Containerd), prefixed("runc ", h.Runc), prefixed("docker command ", h.DockerCLI)), ", ")},
		{"bare tools", hostTools(h.Tools)},
		{"built with", h.Go},
		{"commit", commit(r)},
		{"seed", fmt.Sprint(r.Seed)},
	}
	for _, rt := range r.Runtimes {
		lines = append(lines, fact{rt.RuntimeType, describeRuntime(rt)})
	}
	return slices.DeleteFunc(lines, func(f fact) bool { return f.Value == "" })
}

func server(r *result.Run) string {
	if r.Server.Name == "" {
		return ""
	}
	where := "at " + r.Server.Target
	if r.Server.InProcess {
		where = "in process"
	}
	return fmt.Sprintf("%s %s, %s", r.Server.Name, r.Server.Version, where)
}

func commit(r *result.Run) string {
	if r.Host.Commit == "" {
		return ""
	}
	if r.Host.Dirty {
		return r.Host.Commit + " with changes"
	}
	return r.Host.Commit
}

func describeRuntime(rt runtimeInfo) string {
	if !rt.Available {
		return "not available: " + rt.Reason
	}
	parts := some(rt.Version, fmt.Sprintf("isolation %d of 10", rt.Isolation.Score))
	for _, tool := range slices.Sorted(maps.Keys(rt.ToolVersions)) {
		parts = append(parts, tool+" "+rt.ToolVersions[tool])
	}
	return strings.Join(parts, ", ")
}

// hostTools are the versions of the tools that the baselines run.
func hostTools(tools map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(tools)) {
		parts = append(parts, name+": "+tools[name])
	}
	return strings.Join(parts, ", ")
}

func some(parts ...string) []string {
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}

func prefixed(prefix, value string) string {
	if value == "" {
		return ""
	}
	return prefix + value
}

func count(n int64, unit string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n, " ", unit)
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
