package docker

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress/egresstest"
)

// fetch prints what each URL of its arguments gives, or "refused".
const fetch = `import sys, urllib.request
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url, timeout=10).read().decode())
    except OSError:
        print("refused")
`

func TestAContainerReachesTheInternetWhenAskedAndNothingOfTheHost(t *testing.T) {
	for name, lend := range map[string]bool{"from the server": false, "as an ordinary user": true} {
		t.Run(name, func(t *testing.T) { testNetwork(t, lend) })
	}
}

func testNetwork(t *testing.T, lend bool) {
	requireEngine(t, runtimes.Python)
	egresstest.Use(t)
	public, forbidden := egresstest.HTTP(t, egresstest.Address), egresstest.HTTP(t, egresstest.Forbidden)
	counters := &egress.Counters{}
	r := newRealRuntime(t, func(o *Options) {
		o.lendNetworks = lend
		o.Egress = egress.Options{Policy: egresstest.Policy, Counters: counters}
	})
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python, Network: runtimes.Internet, Strongest: !lend})
	if env.isolation.Has(runtimes.NetworkNamespace) || !env.isolation.Has(runtimes.NetworkFilter) {
		t.Errorf("the layers are %v", env.isolation.Layers)
	}
	if env.isolation.Has(runtimes.GVisor) || env.gvisor {
		t.Error("a session with a network is in gVisor")
	}
	put(t, env, "fetch.py", fetch)
	port := public[strings.LastIndex(public, ":")+1:]
	exit, output := execute(t, env, "python3", "fetch.py", public, forbidden, "http://169.254.169.254/",
		"http://172.17.0.1:"+port, "http://127.0.0.1:"+port)
	if output != "hello\nrefused\nrefused\nrefused\nrefused\n" {
		t.Errorf("%+v, %q", exit, output)
	}
	if _, names := execute(t, env, "cat", "/etc/resolv.conf"); !strings.Contains(names, "nameserver 198.51.100.1") {
		t.Errorf("resolv.conf: %q", names)
	}
	relay := env.relay.PID()
	if err := env.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + strconv.Itoa(relay)); !os.IsNotExist(err) {
		t.Errorf("the relay is left: %v", err)
	}
	if c := counters.Counts(); c.Opened != 1 || c.Refused < 3 || c.Received == 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestAContainerElsewhereIsRefusedANetworkWithASentence(t *testing.T) {
	requireEngine(t, runtimes.Python)
	r := newRealRuntime(t, func(o *Options) { o.Remote = true })
	_, err := r.Create(t.Context(), runtimes.Spec{
		Name: trialSession(), Language: runtimes.Python, Limits: trialLimits, Network: runtimes.Internet,
	})
	var failure *runtimes.EnvironmentError
	if !errors.As(err, &failure) || !strings.Contains(failure.Reason, `Use network "none"`) {
		t.Errorf("got %v", err)
	}
}
