package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Module is the path in front of every package.
const Module = "github.com/codebeaker/codebeaker/"

// The servers that a result can be of.
const (
	Root = "root"
	User = "user"
)

func who() string {
	if os.Geteuid() == 0 {
		return Root
	}
	return User
}

// Facts are those of the machine that a result is of.
type Facts struct {
	Date     string            `json:"date"`
	Kernel   string            `json:"kernel"`
	Groups   string            `json:"controlGroups"`
	Versions map[string]string `json:"versions"`
}

// Results are what came of the tests for one kind of server.
type Results struct {
	Who   string `json:"who"`
	Facts Facts  `json:"facts"`
	// Cases are, by case and where it was tried (a runtime, or "server"), what
	// came of it.
	Cases map[string]map[string]Outcome `json:"cases"`
	// Dates are when each case was run.
	Dates map[string]string `json:"dates"`
}

// Outcome is how many tests of a case passed, failed and were skipped.
type Outcome struct {
	Passed  int    `json:"passed"`
	Failed  int    `json:"failed,omitempty"`
	Skipped int    `json:"skipped,omitempty"`
	Reason  string `json:"reason,omitempty"` // of a skip, where nothing passed
}

func file(dir, who string) string { return filepath.Join(dir, "results-"+who+".json") }

// Load reads the results of who; there may be none yet.
func Load(dir, who string) (*Results, error) {
	r := &Results{Who: who, Cases: map[string]map[string]Outcome{}, Dates: map[string]string{}}
	text, err := os.ReadFile(file(dir, who))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	} else if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(text, r)
}

func (r *Results) save(dir string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(file(dir, r.Who), append(text, '\n'), 0o644)
}

// gather asks the machine and its tools what they are.
func gather() Facts {
	f := Facts{Date: time.Now().UTC().Format(time.DateOnly), Versions: map[string]string{}}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		f.Kernel = "Linux " + strings.TrimSpace(string(text))
	}
	f.Groups = "version 1"
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		f.Groups = "version 2"
	}
	for name, line := range map[string]string{
		"Docker engine": "docker version --format {{.Server.Version}}", "runc": "runc --version", "Bun": "bun --version", "Deno": "deno --version",
		"python3": "python3 --version", "node": "node --version", "Go": "go version", "gcc": "gcc -dumpfullversion",
	} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).Output(); err == nil {
			f.Versions[name] = regexp.MustCompile(`\d+(\.\d+)+[^\s]*`).FindString(string(out))
		}
	}
	return f
}

// A test is one that a case names.
type test struct {
	pkg  string // below the module
	name string // of the function
	rest string // of its subtests; "" is all
}

// conformance are the tests of the suite on each runtime; in front of subject
// and case are the kinds of control groups.
var conformance = []test{
	{"runtimes/docker", "TestConformance", ""}, {"runtimes/bun", "TestBunConforms", ""},
	{"runtimes/deno", "TestDenoConforms", ""}, {"runtimes/native", "TestNativeConforms", ""},
}

// tests are those that a case names.
func (c Case) tests() (all []test) {
	for _, named := range c.Tests {
		pkg, name, _ := strings.Cut(named, " ")
		if pkg == strings.TrimSpace(conform) {
			for _, t := range conformance {
				all = append(all, test{t.pkg, t.name, name})
			}
			continue
		}
		name, rest, _ := strings.Cut(name, "/")
		all = append(all, test{pkg, name, rest})
	}
	return all
}

func (t test) conforms() bool {
	return slices.Contains(conformance, test{t.pkg, t.name, ""}) && t.rest != ""
}

// of reports whether what ran is the test or a part of it.
func (t test) of(pkg, ran string) bool {
	name, rest, _ := strings.Cut(ran, "/")
	if pkg != t.pkg || name != t.name {
		return false
	}
	return t.rest == "" || strings.Contains("/"+rest+"/", "/"+t.rest+"/")
}

// run runs the tests of the cases, a package at a time, and puts what came of
// them in place of what was.
func (r *Results) run(root, dir string, cases []Case) (failed bool, err error) {
	wanted := map[string][]test{}
	for _, c := range cases {
		delete(r.Cases, c.ID)
		r.Dates[c.ID] = r.Facts.Date
		for _, t := range c.tests() {
			wanted[t.pkg] = append(wanted[t.pkg], t)
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(wanted)) {
		for _, pattern := range patterns(wanted[pkg]) {
			begin := time.Now()
			events, err := runTests(root, pkg, pattern)
			if err != nil {
				return true, err
			}
			n := r.add(cases, pkg, events)
			fmt.Printf("%-36s %4d passed %3d failed %3d skipped  %v\n", pkg, n.Passed, n.Failed, n.Skipped, time.Since(begin).Round(time.Second))
			failed = failed || n.Failed > 0
			if err := r.save(dir); err != nil { // a run that is cut short has what it found
				return true, err
			}
		}
	}
	return failed, nil
}

// patterns are the arguments of -run for the tests of one package: the whole
// tests, those of parts, and the suite.
func patterns(tests []test) (all []string) {
	whole, parts, subjects := map[string]bool{}, map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, t := range tests {
		switch {
		case t.conforms():
			if subjects[t.name] == nil {
				subjects[t.name] = map[string]bool{}
			}
			subjects[t.name][t.rest] = true
		case t.rest == "":
			whole[t.name] = true
		default:
			if parts[t.name] == nil {
				parts[t.name] = map[string]bool{}
			}
			parts[t.name][t.rest] = true
		}
	}
	if len(whole) > 0 {
		all = append(all, "^("+strings.Join(slices.Sorted(maps.Keys(whole)), "|")+")$")
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if !whole[name] {
			all = append(all, "^"+name+"$/.*/^("+strings.Join(slices.Sorted(maps.Keys(parts[name])), "|")+")$")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(subjects)) {
		first, second := map[string]bool{}, map[string]bool{}
		for rest := range subjects[name] {
			subject, one, _ := strings.Cut(rest, "/")
			first[subject], second[one] = true, true
		}
		all = append(all, "^"+name+"$/.*/^("+strings.Join(slices.Sorted(maps.Keys(first)), "|")+")$/^("+strings.Join(slices.Sorted(maps.Keys(second)), "|")+")$")
	}
	return all
}

// event is a line of `go test -json`.
type event struct{ Action, Test, Output string }

func runTests(root, pkg, pattern string) ([]event, error) {
	cmd := exec.Command("go", "test", "-json", "-count=1", "-timeout=30m", "-run", pattern, "./"+pkg)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	return read(bytes.NewReader(out))
}

func read(r io.Reader) (events []event, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("go test printed %.200q", lines.Text())
		}
		events = append(events, e)
	}
	return events, lines.Err()
}

var skipped = regexp.MustCompile(`^\s+[\w.-]+\.go:\d+: (.*)\n$`)

// add counts what came of the tests towards the cases that name them. Only the
// innermost count: what is above them repeats what they say.
func (r *Results) add(cases []Case, pkg string, events []event) (all Outcome) {
	last, parents := map[string]string{}, map[string]bool{}
	for _, e := range events {
		for at := range e.Test {
			if e.Test[at] == '/' {
				parents[e.Test[:at]] = true
			}
		}
		if said := skipped.FindStringSubmatch(e.Output); said != nil {
			last[e.Test] = said[1]
		}
	}
	if !slices.ContainsFunc(events, func(e event) bool { return e.Test != "" && e.Action == "pass" }) {
		for _, e := range events {
			if e.Test == "" { // it did not compile, or ran out of time
				fmt.Print(e.Output)
				if e.Action == "fail" {
					all.Failed++
				}
			}
		}
	}
	for _, e := range events {
		if e.Test == "" || parents[e.Test] && e.Action != "fail" || !slices.Contains([]string{"pass", "fail", "skip"}, e.Action) {
			continue
		}
		all = all.plus(e.Action, "")
		if e.Action == "fail" {
			fmt.Printf("failed: %s: %s\n", e.Test, last[e.Test])
		}
		for _, c := range cases {
			if !slices.ContainsFunc(c.tests(), func(t test) bool { return t.of(pkg, e.Test) }) {
				continue
			}
			if r.Cases[c.ID] == nil {
				r.Cases[c.ID] = map[string]Outcome{}
			}
			where := placeOf(pkg, e.Test)
			r.Cases[c.ID][where] = r.Cases[c.ID][where].plus(e.Action, last[e.Test])
		}
	}
	return all
}

func (o Outcome) plus(action, reason string) Outcome {
	switch action {
	case "pass":
		o.Passed++
	case "fail":
		o.Failed++
	case "skip":
		o.Skipped++
		o.Reason = reason
	}
	if o.Passed > 0 || o.Failed > 0 {
		o.Reason = ""
	}
	return o
}

// Places are where a case may be tried, in the order of the page. Boxes are what
// Bun, Deno and Native share, server what is none of them.
var Places = []string{"Docker", "Bun", "Deno", "Native", "boxes", "server"}

// placeOf is where a test tries: the runtime that a part of its name says, or its
// package.
func placeOf(pkg, name string) string {
	for part := range strings.SplitSeq(name, "/") {
		if slices.Contains(Places[:4], part) {
			return part
		}
	}
	for prefix, place := range map[string]string{
		"runtimes/docker": "Docker", "runtimes/bun": "Bun", "runtimes/deno": "Deno", "runtimes/native": "Native",
		"runtimes/internal/guestlink": "boxes", "runtimes/internal/box": "boxes", "runtimes/internal/boxed": "boxes", "runtimes/internal/egress": "boxes",
		"runtimes/internal/cgroup": "boxes",
	} {
		if pkg == prefix {
			return place
		}
	}
	return "server"
}
