package surroundings

import (
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestTheMachineKnowsItsOwnNames(t *testing.T) {
	hosts := Hosts("session-x")
	for _, want := range []string{"127.0.0.1\tlocalhost\n", "::1\tlocalhost ", "\tsession-x\n"} {
		if !strings.Contains(hosts, want) {
			t.Errorf("%q is missing in %q", want, hosts)
		}
	}
	if strings.Contains(Resolver(runtimes.NoNetwork), "nameserver") || !strings.Contains(Resolver(runtimes.Internet), "nameserver ") {
		t.Error("a resolver is named without a network, or none with one")
	}
}

func TestTheSessionsVariablesReplaceOursAndTheImages(t *testing.T) {
	got := Variables(Where{
		Path:    "/opt/bin:/bin",
		Found:   []string{"LANG=de_DE.UTF-8", "HOME=/root", "GOPROXY=https://proxy.example", "nonsense", "=x"},
		Session: []string{"SHELL=/bin/bash", "A=1", "PIP_RETRIES=7", "A=2"},
	})
	for _, want := range []string{
		"LANG=de_DE.UTF-8", "HOME=/home/user", "GOPROXY=off", "SHELL=/bin/bash", "PIP_RETRIES=7", "A=2", "TERM=xterm-256color",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	names := make(map[string]bool)
	for _, entry := range got {
		name, value, _ := strings.Cut(entry, "=")
		if names[name] || name == "" || name == "nonsense" {
			t.Errorf("%q in %q", entry, got)
		}
		names[name] = true
		if name == "PATH" && (!strings.HasPrefix(value, "/home/user/.local/bin:") || !strings.HasSuffix(value, ":/opt/bin:/bin")) {
			t.Errorf("PATH is %q", value)
		}
	}
}

func TestWithANetworkToolsMayUseIt(t *testing.T) {
	for _, entry := range Variables(Where{Network: runtimes.Internet}) {
		if strings.HasPrefix(entry, "GOPROXY=") || strings.HasPrefix(entry, "PIP_RETRIES=") || strings.HasPrefix(entry, "NPM_CONFIG_FETCH") {
			t.Errorf("%q with a network", entry)
		}
	}
}
