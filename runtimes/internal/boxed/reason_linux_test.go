package boxed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
)

func TestTheAdviceNamesTheSettingInTheWay(t *testing.T) {
	for _, path := range []string{
		"/proc/sys/kernel/unprivileged_userns_clone", "/proc/sys/user/max_user_namespaces",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
	} {
		value := map[bool]string{true: "1", false: "0"}[strings.Contains(path, "apparmor")]
		advice := userNamespaceAdvice(func(asked string) string {
			if asked == path {
				return value
			}
			return ""
		})
		if name := path[strings.LastIndex(path, "/")+1:]; !strings.Contains(advice, name) {
			t.Errorf("%s: %q", name, advice)
		}
	}
	if advice := userNamespaceAdvice(func(string) string { return "" }); !strings.Contains(advice, "container") {
		t.Errorf("got %q", advice)
	}
}

var steps = []string{stepWorkspace, stepGroup, stepStart, stepGuest, stepRelay, stepLimits}

// Whatever the kernel says at whatever step, the client is told a sentence.
func TestEveryFailureOfAStepIsASentenceThatSaysWhatToDo(t *testing.T) {
	for _, step := range steps {
		for errno := syscall.Errno(1); errno < 134; errno++ {
			for _, err := range []error{
				errno, &fs.PathError{Op: "open", Path: "/srv/secret", Err: errno},
				&guestlink.HelloError{Message: "bind /srv/secret: " + errno.Error()},
			} {
				why := reasonFor(step, fmt.Errorf("x: %w", err), "")
				reasontest.Check(t, why)
				if strings.Contains(why, "secret") {
					t.Errorf("%s: a path of the server: %q", step, why)
				}
			}
		}
		for _, err := range []error{
			errors.New("wait for the agent: EOF"), context.DeadlineExceeded, errors.New(strings.Repeat("long\n", 300)),
		} {
			for _, said := range []string{"", "guest: no such\x1b[0m thing /srv/secret\n", strings.Repeat("nothing\n", 500)} {
				reasontest.Check(t, reasonFor(step, err, said))
			}
		}
	}
}

func TestWhatTheAgentCouldNotDoIsToldWithItsWords(t *testing.T) {
	for message, want := range map[string]string{
		"mount proc: operation not permitted":              map[bool]string{true: "CAP_SYS_ADMIN", false: "systempaths=unconfined"}[os.Geteuid() == 0],
		"pivot root: invalid argument":                     "pivot root: invalid argument",
		"mount /tmp: no space left on device":              "fs.mount-max",
		"set the system call filter: invalid argument":     "CONFIG_SECCOMP_FILTER",
		"become user 200000: cannot allocate memory":       "no memory left",
		"the agent did not become who it should be":        "did not become who",
		"asked for {NoCapabilities:true}, the kernel says": "the kernel says",
	} {
		if why := setUpReason(message); !strings.Contains(why, want) {
			t.Errorf("%q: %q", message, why)
		} else {
			reasontest.Check(t, why)
		}
	}
	for said, want := range map[string]string{
		"guest: too old\n": "guest: too old",
		"panic: oh no\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/main.go:7 +0x1d\n": "(panic: oh no)",
		"": "(EOF)",
	} {
		why := reasonFor(stepGuest, errors.New("EOF"), said)
		reasontest.Check(t, why)
		if !strings.Contains(why, want) {
			t.Errorf("an agent that died with %q: %q", said, why)
		}
	}
}

func TestALayerThatIsMissingIsNamedWithWhatGivesIt(t *testing.T) {
	for _, layer := range append([]runtimes.Layer{
		runtimes.NetworkNamespace, runtimes.NetworkFilter, runtimes.OwnUID, runtimes.GVisor,
	}, required...) {
		why := reasonFor(stepLimits, fmt.Errorf("x: %w", &lackError{layer: layer}), "")
		reasontest.Check(t, why)
		if !strings.Contains(why, string(layer)) {
			t.Errorf("%s: %q", layer, why)
		}
	}
	for _, layer := range required {
		if layerAdvice[layer] == "" {
			t.Errorf("nobody is told what gives %s", layer)
		}
	}
	tunnels := &lackError{layer: runtimes.NetworkNamespace, interfaces: []string{"lo", "tunl0", "sit0"}}
	why := reasonFor(stepLimits, tunnels, "")
	reasontest.Check(t, why)
	if !strings.Contains(why, "tunl0, sit0") || !strings.Contains(why, "fb_tunnels_only_for_init_net") {
		t.Errorf("interfaces of the kernel's: %q", why)
	}
	if log := tunnels.Error(); !strings.Contains(log, "tunl0") || !strings.Contains(log, "networkNamespace") {
		t.Errorf("the log is told %q", log)
	}
}

func TestAnAgentThatCannotBeUsedIsToldApart(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{guestbin.ErrNotFound, "was not found"}, {guestbin.ErrNotExecutable, "noexec"}, {guestbin.ErrForeign, "not a program for this machine"},
		{&fs.PathError{Op: "stat", Path: "/srv/secret", Err: syscall.ENOENT}, "is not there"}, {errors.New("else"), "else"},
	} {
		p := problemOf(noGuest(fmt.Errorf("/srv/guest: %w", c.err)))
		reasontest.Problems(t, []runtimes.Problem{p})
		if !strings.Contains(p.Reason, c.want) || strings.Contains(p.Reason, "/srv") {
			t.Errorf("%v: %q", c.err, p.Reason)
		}
	}
	reasontest.Problems(t, []runtimes.Problem{problemOf(noBase(syscall.EACCES)), problemOf(errors.New("whatever"))})
}
