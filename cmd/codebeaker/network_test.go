//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// stageAddress gives the loopback interface two addresses, of which one stands
// for the internet and the other is the host's, and returns URLs of servers
// there that say hello.
func stageAddress(t *testing.T) (address, public, own string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("giving the loopback interface an address needs root")
	}
	address = fmt.Sprintf("10.63.%d.1", os.Getpid()&255)
	return address, greeter(t, address), greeter(t, address+"00")
}

func greeter(t *testing.T, address string) (url string) {
	t.Helper()
	ip := func(verb string) {
		if out, err := exec.Command("ip", "address", verb, address+"/32", "dev", "lo").CombinedOutput(); err != nil {
			t.Errorf("ip address %s: %v: %s", verb, err, out)
		}
	}
	ip("replace")
	t.Cleanup(func() { ip("delete") })
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }),
	}}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

const fetchAll = `import sys, urllib.request
for url in sys.argv[1:]:
    try: print(urllib.request.urlopen(url, timeout=10).read().decode())
    except OSError as e: print("refused", getattr(e, "reason", e).errno)
`

// relays are the processes that carry the network of sessions.
func relays(t *testing.T) (pids []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(line), "codebeaker-relay") {
			pids = append(pids, file)
		}
	}
	return pids
}

func TestASessionReachesTheInternetOnlyWhenItAskedAndNeverTheHost(t *testing.T) {
	notShort(t)
	address, public, own := stageAddress(t)
	before := len(relays(t))
	path, dir := buildServer(t), shortTempDir(t)
	log := filepath.Join(dir, "audit.jsonl")
	server := startBinary(t, path, dir, "--runtimes", "native,docker", "--allow-network", address, "--audit-log", log)
	f := connect(t, "python-websockets", server.url)
	flows := map[string][]string{} // of sessions
	for _, kind := range []string{"Native", "Docker"} {
		t.Run(kind, func(t *testing.T) {
			for network, want := range map[string]string{
				"internet": "hello\nrefused 111\nrefused 111\n",       // ECONNREFUSED: the policy
				"none":     "refused 101\nrefused 101\nrefused 101\n", // ENETUNREACH
			} {
				s := f.create(map[string]any{"language": "python", "runtimeType": kind, "network": network})
				f.write(s, "fetch.py", fetchAll)
				if o := f.shell(s, "python3", "fetch.py", public, own, "http://169.254.169.254/"); o.Result.Stdout != want {
					t.Errorf("%s: %+v", network, o)
				}
				f.close(s)
				if network == "internet" {
					flows[s.ID] = []string{
						"tcp " + strings.TrimPrefix(public, "http://") + " Completed answered", "tcp " + strings.TrimPrefix(own, "http://") + " Refused",
						"tcp 169.254.169.254:80 Refused",
					}
				}
			}
		})
	}
	if left := len(relays(t)); left != before {
		t.Errorf("%d relays are left", left-before)
	}
	metrics, err := http.Get("http" + strings.TrimSuffix(strings.TrimPrefix(server.url, "ws"), "/ws/jsonrpc") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	text, err := io.ReadAll(metrics.Body)
	if err != nil || !strings.Contains(string(text), `codebeaker_network_flows_total{outcome="opened"} 2`) ||
		!strings.Contains(string(text), `codebeaker_network_flows_total{outcome="forbidden"} 4`) {
		t.Errorf("metrics: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
	server.stop(t)
	told := map[string][]string{}
	for _, r := range records(t, log, "--event", "flow") {
		what := r.Protocol + " " + r.Destination + " " + r.Outcome
		if r.SentBytes > 0 && r.ReceivedBytes > 0 {
			what += " answered"
		}
		told[r.Session] = append(told[r.Session], what)
	}
	for _, each := range []map[string][]string{told, flows} {
		for _, all := range each {
			slices.Sort(all)
		}
	}
	if !reflect.DeepEqual(told, flows) {
		t.Errorf("the audit log has the flows %v, not %v", told, flows)
	}
}

func TestRelaysEndWithAServerThatIsKilled(t *testing.T) {
	notShort(t)
	stageAddress(t)
	before := len(relays(t))
	path, dir := buildServer(t), shortTempDir(t)
	server := startBinary(t, path, dir, "--runtimes", "native")
	f := connect(t, "python-websockets", server.url)
	f.create(map[string]any{"language": "python", "runtimeType": "Native", "network": "internet"})
	if got := len(relays(t)) - before; got != 1 {
		t.Fatalf("%d relays run", got)
	}
	if err := server.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if len(relays(t)) == before {
			startBinary(t, path, dir, "--runtimes", "native").stop(t) // sweeps the rest
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a relay outlives its server by two seconds")
}

func TestAnOperatorCanForbidTheInternet(t *testing.T) {
	notShort(t)
	p := startServer(t, "--runtimes", "native", "--internet=false")
	f := connect(t, "python-websockets", p.URL())
	refused := f.fails("session.create", map[string]any{"language": "python", "network": "internet"})
	if refused.Code != -32602 || refused.Data["member"] != "network" {
		t.Errorf("got %+v", refused)
	}
}
