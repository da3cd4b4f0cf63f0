package docker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
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
				reasontest.Unavailable(t, found)
				if strings.Contains(found.Reason, "/var/lib") {
					t.Errorf("the probe says %+v", found)
				}
			})
		}
	}
}

// trying makes the trials of a fake runtime go well, without tools.
func trying(r *Runtime) *Runtime {
	for _, name := range Images("") {
		for _, tool := range []string{"node", "python3", "go", "dotnet"} {
			r.probes.learn(trialKey{"sha256:" + name, tool}, &trial{layers: []runtimes.Layer{runtimes.Seccomp}})
		}
	}
	return r
}

func TestAMissingImageIsToldForItsLanguageAndIsNoWarning(t *testing.T) {
	d := newDaemon(t)
	d.fail("image", func(w http.ResponseWriter, r *http.Request) {
		if name := strings.Split(r.URL.Path, "/images/")[1]; strings.Contains(name, "golang") {
			reply(w, 404, message("No such image: "+name))
		} else {
			reply(w, 200, map[string]any{"Id": "sha256:" + strings.TrimSuffix(name, "/json")})
		}
	})
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	registry := runtimes.NewRegistry(trying(newFakeRuntime(t, d, nil)))
	registry.LogTo(logger)
	registry.Probe(t.Context())
	registry.Probe(t.Context())
	found := registry.Offer(runtimes.Docker).Availability
	reasontest.Problems(t, found.Problems)
	if !found.Available || found.Serves(runtimes.Go) ||
		found.WhyNot(runtimes.Go) != "The Docker engine has no image codebeaker-golang:latest: run `make images`." {
		t.Errorf("the probe says %+v", found)
	}
	if text := log.String(); strings.Contains(text, "WARN") || strings.Count(text, "\n") != 2 || !strings.Contains(text, "languages=go") {
		t.Errorf("logged %s", text)
	}
}

func TestAnImageThatDoesNotWorkIsToldByStepAndCause(t *testing.T) {
	d := newDaemon(t)
	d.fail("start", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 500, message("OCI runtime create failed: \n /var/lib/docker/secret: no such\x1b[0m device "+strings.Repeat("x", 500)))
	})
	found := newFakeRuntime(t, d, nil).Probe(t.Context())
	reasontest.Unavailable(t, found)
	if !strings.Contains(found.Reason, "start container") || !strings.Contains(found.Reason, "OCI runtime create failed: …") {
		t.Errorf("the reason is %q", found.Reason)
	}
	if cause := found.Problems[0].Err.Error(); found.Problems[0].Step != stepStart || !strings.Contains(cause, "/var/lib/docker/secret") {
		t.Errorf("the log is told %q at %q", cause, found.Problems[0].Step)
	}
}

func TestAFullDiskAndALackOfMemoryAreToldFromOtherFailures(t *testing.T) {
	for said, want := range map[string]string{
		"write /var/lib/docker/x: no space left on device":   "docker system prune",
		"fork/exec /usr/bin/runc: cannot allocate memory":    "no memory left",
		"error while creating mount source path: permission": "journalctl -u docker",
	} {
		d := newDaemon(t)
		d.fail("create", func(w http.ResponseWriter, _ *http.Request) { reply(w, 500, message(said)) })
		_, err := newFakeRuntime(t, d, nil).Create(t.Context(), python)
		checkFailure(t, err, "")
		var failure *runtimes.EnvironmentError
		if errors.As(err, &failure); !strings.Contains(failure.Reason, want) {
			t.Errorf("%q: %q", said, failure.Reason)
		}
	}
}

func TestWhatTheServersOwnFilesRefuseIsNotTheEnginesFault(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, nil)
	if err := os.RemoveAll(filepath.Join(r.options.DataDir, "workspaces")); err != nil {
		t.Fatal(err)
	}
	_, err := r.Create(t.Context(), python)
	checkFailure(t, err, stepAccess)
	var failure *runtimes.EnvironmentError
	if errors.As(err, &failure); !strings.Contains(failure.Reason, "data directory") || strings.Contains(failure.Reason, "engine") {
		t.Errorf("the reason is %q", failure.Reason)
	}
}

func TestEveryFailureOfAStepIsASentenceThatSaysWhatToDo(t *testing.T) {
	r := newFakeRuntime(t, newDaemon(t), nil)
	for _, step := range []string{stepAccess, stepWorkspace, stepPrepare, stepStart, stepMeetAgent, stepImage, stepRelay, stepTry, stepVersion} {
		for errno := syscall.Errno(1); errno < 134; errno++ {
			for _, err := range []error{
				errno, &fs.PathError{Op: "mkdir", Path: "/srv/secret", Err: errno},
				&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", errno)},
			} {
				reasontest.Check(t, reasonFor(step, fmt.Errorf("x: %w", err)))
			}
		}
		for _, err := range []error{
			errNoUser, context.DeadlineExceeded, workspace.ErrNoUID, errNetworkElsewhere,
			&agentEnded{127, "exec /srv/secret: no\nsuch file " + strings.Repeat("x", 300)}, &agentEnded{1, ""},
			&guestlink.HelloError{Message: "become user 1: operation not permitted\n" + strings.Repeat("x", 900)},
			errors.New(strings.Repeat("long\n", 300)), errors.New("open /dev/net/tun: no"),
		} {
			why := reasonFor(step, err)
			reasontest.Check(t, why)
			if strings.Contains(why, "secret") {
				t.Errorf("a path of the server: %q", why)
			}
		}
	}
	reasontest.Check(t, errNetworkElsewhere.(*runtimes.EnvironmentError).Reason)
	for _, arch := range []string{"amd64", "s390x", strings.Repeat("long\n", 100)} {
		if why, err := agentProblem("/nonexistent", arch); err == nil {
			t.Error("it is there")
		} else {
			reasontest.Check(t, why)
		}
		if why, err := agentProblem(r.options.Guest, arch); err != nil {
			reasontest.Check(t, why)
		}
	}
}

func TestAnEngineThatComesOrGoesIsNoticed(t *testing.T) {
	d := newDaemon(t)
	r := trying(newFakeRuntime(t, d, nil))
	if !r.Changed(t.Context()) {
		t.Error("it was not probed, and that is fine")
	}
	for range 2 {
		if a := r.Probe(t.Context()); !a.Available || r.Changed(t.Context()) {
			t.Errorf("changed without a change: %+v", a)
		}
		d.fail("ping", stall)
		if !r.Changed(t.Context()) {
			t.Error("its end is not noticed")
		}
		reasontest.Unavailable(t, r.Probe(t.Context()))
		if r.Changed(t.Context()) {
			t.Error("changed without a change")
		}
		d.fail("ping", nil)
		if !r.Changed(t.Context()) {
			t.Error("its return is not noticed")
		}
	}
}

func TestAProbeThatFoundSomethingWrongIsRepeatedAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			found runtimes.Availability
			after time.Duration // 0: never
		}{
			{runtimes.Availability{Available: true}, 0},
			{runtimes.Availability{Problems: make([]runtimes.Problem, 1)}, retryInterval},
			{runtimes.Availability{Available: true, Problems: []runtimes.Problem{{Absent: true}}}, retryInterval},
			{runtimes.Availability{Available: true, Problems: make([]runtimes.Problem, 1)}, brokenInterval},
		} {
			var p lastProbe
			p.set(true, retryOf(&c.found))
			if p.outdated(true) {
				t.Errorf("%+v is repeated at once", c.found)
			}
			time.Sleep(cmp.Or(c.after, 24*time.Hour))
			if p.outdated(true) != (c.after > 0) {
				t.Errorf("%+v after %v: %t", c.found, c.after, p.outdated(true))
			}
		}
	})
}

func TestVersionsAreTakenOutOfWhatToolsPrint(t *testing.T) {
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
		for _, language := range runtimes.Languages() {
			tools := language.Facts().Tools
			for i := range tools {
				if tools[i].Name == example.tool {
					found = true
					if got := tools[i].Version(example.output); got != example.want {
						t.Errorf("%s: %q gives %q, want %q", tools[i].Name, example.output, got, example.want)
					}
				}
			}
		}
		if !found {
			t.Errorf("no language has the tool %s", example.tool)
		}
	}
}

// A probe that was trying an image when the engine died was told seconds or
// minutes later, when the deadlines of the trial were over.
func TestAnEngineThatDiesWhileItIsProbedIsToldInTime(t *testing.T) {
	d := newDaemon(t)
	deadline := quick
	deadline.create, deadline.remove = 20*time.Second, 20*time.Second
	r := newFakeRuntime(t, d, func(o *Options) { o.deadlines = deadline })
	d.fail("create", func(w http.ResponseWriter, request *http.Request) {
		d.fail("ping", stall)
		d.fail("remove", stall)
		stall(w, request)
	})
	began := time.Now()
	reasontest.Unavailable(t, r.Probe(t.Context()))
	if took := time.Since(began); took > deadline.create/2 {
		t.Errorf("told after %v", took)
	}
	d.fail("create", nil)
	d.fail("remove", nil)
	d.fail("ping", nil)
	if !r.Changed(t.Context()) {
		t.Error("its return is not noticed")
	}
}
