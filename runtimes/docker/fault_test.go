package docker

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
)

var python = runtimes.Spec{
	Session: "s1", Language: runtimes.Python,
	Limits: runtimes.Limits{MemoryBytes: 64 << 20, CPUs: 1, Processes: 16, DiskBytes: 4 << 20},
}

var allFaults = map[string]fault{
	"404": status(404), "409": status(409), "500": status(500), "garbage": garbage, "a cut reply": cut, "a stall": stall,
}

// Whatever the engine does at whatever step, Create answers in time, names the
// step, tells the client nothing of the server, and leaves nothing behind.
func TestAFaultOfTheEngineIsAnErrorWithinTheDeadlineAndLeavesNothing(t *testing.T) {
	steps := map[string]string{ // route: step
		"image": "find image", "info": "find a way to the engine", "create": "", "start": "start container",
		"inspect": "read back the limits",
	}
	for route, step := range steps {
		for name, f := range allFaults {
			// A start without a body cannot be told from a success by its body.
			if route == "start" && (name == "garbage" || name == "a cut reply") {
				continue
			}
			t.Run(route+" meets "+name, func(t *testing.T) {
				t.Parallel()
				d := newDaemon(t)
				d.fail(route, f)
				r := newFakeRuntime(t, d, nil)
				began := time.Now()
				env, err := r.Create(t.Context(), python)
				if err == nil {
					t.Fatalf("Create made %v", env.ID())
				}
				if took, bound := time.Since(began), quick.create+2*quick.remove+time.Second; took > bound {
					t.Errorf("Create took %v, more than %v", took, bound)
				}
				checkFailure(t, err, step)
				checkNothingLeft(t, d, r)
			})
		}
	}
}

func checkFailure(t *testing.T, err error, step string) {
	t.Helper()
	var failure *runtimes.EnvironmentError
	if !errors.As(err, &failure) {
		t.Fatalf("the error is %T (%v), not *EnvironmentError", err, err)
	}
	if failure.Runtime != runtimes.Docker || step != "" && failure.Step != step {
		t.Errorf("the error is of %v in step %q, want %q: %v", failure.Runtime, failure.Step, step, err)
	}
	reasontest.Check(t, failure.Reason)
	if strings.Contains(failure.Reason, "/var/lib") || strings.Contains(failure.Reason, "/tmp/") {
		t.Errorf("the reason is %q", failure.Reason)
	}
	if failure.Err == nil || failure.Err.Error() == "" {
		t.Error("the log is told no cause")
	}
}

func checkNothingLeft(t *testing.T, d *daemon, r *Runtime) {
	t.Helper()
	eventually(t, "nothing is left on the engine", func() bool { return len(d.left()) == 0 })
	for _, directory := range []string{r.environments(), r.options.DataDir + "/workspaces"} {
		entries, err := os.ReadDir(directory)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.IsDir() {
				t.Errorf("%s is left in %s", entry.Name(), directory)
			}
		}
	}
}

// A create can succeed although its reply is lost; here the container even comes
// into being after the engine was asked to remove it.
func TestAContainerWhoseCreateWasNotHeardOfIsRemoved(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, nil)
	made := make(chan string, 1)
	first := make(chan struct{}, 1)
	first <- struct{}{}
	d.fail("create", func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-first: // the courier that looks for our directories
			d.createContainer(w, req)
			return
		default:
		}
		made <- req.URL.Query().Get("name")
		stall(w, req)
	})
	if _, err := r.Create(t.Context(), python); err == nil {
		t.Fatal("Create succeeded")
	}
	eventually(t, "the runtime follows the events", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.events) > 0
	})
	late := <-made
	d.add(late, map[string]any{"Labels": map[string]any{labelApp: appName, labelInstance: "mark-1"}})
	checkNothingLeft(t, d, r)
}

func TestACancelledCreateRemovesItsContainerAndReturnsTheCause(t *testing.T) {
	why := errors.New("the session was closed")
	for _, route := range []string{"start", "inspect"} {
		t.Run(route, func(t *testing.T) {
			d := newDaemon(t)
			r := newFakeRuntime(t, d, nil)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			d.fail(route, func(w http.ResponseWriter, req *http.Request) {
				cancel(why)
				stall(w, req)
			})
			if _, err := r.Create(ctx, python); !errors.Is(err, why) {
				t.Errorf("Create returned %v", err)
			}
			checkNothingLeft(t, d, r)
		})
	}
}

// A removal that fails is not forgotten.
func TestAContainerThatCouldNotBeRemovedIsRemovedLater(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, nil)
	env, err := r.Create(t.Context(), python)
	if err != nil {
		t.Fatal(err)
	}
	d.fail("remove", status(500))
	if err := env.Close(t.Context()); err == nil {
		t.Error("Close says that all went well")
	}
	if len(d.left()) == 0 {
		t.Fatal("the test is wrong: nothing is left")
	}
	d.fail("remove", nil)
	eventually(t, "the janitor removes it", func() bool { return len(d.left()) == 0 })
	if err := env.Workspace().Close(); err != nil {
		t.Error(err)
	}
}

func TestANetworkThatCannotBeGivenIsRefusedWithAReasonAndNothingIsLeft(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, nil)
	spec := python
	spec.Network = runtimes.Internet
	_, err := r.Create(t.Context(), spec)
	checkFailure(t, err, "start relay") // nobody comes to pass an interface
	if left := d.left(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAnImageThatIsNotAllowedIsRefused(t *testing.T) {
	d := newDaemon(t)
	images, err := runtimes.ParseImages("extra:1", "registry.example/team/*")
	if err != nil {
		t.Fatal(err)
	}
	r := newFakeRuntime(t, d, func(o *Options) { o.AllowImages = images })
	spec := python
	for _, image := range []string{"other:1", "extra", "extra:2", "registry.example/app", Images("")[runtimes.Python]} {
		spec.Image = image
		_, err := r.Create(t.Context(), spec)
		checkFailure(t, err, "find image")
	}
	for image, asked := range map[string]string{
		"extra:1": "docker.io/library/extra:1", "docker.io/library/extra:1": "docker.io/library/extra:1",
		"registry.example/team/app": "registry.example/team/app:latest", "registry.example/team/app:2": "registry.example/team/app:2",
	} {
		spec.Image = image
		env, err := r.Create(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		closeTrial(t.Context(), env)
		if last := d.lastImage(); last != asked {
			t.Errorf("of %s the engine was asked for %q, not %q", image, last, asked)
		}
	}
}
