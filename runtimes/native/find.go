package native

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// find puts together what the host has. A toolchain that is missing, or cannot
// be shown to sessions, is left out; the reason names them all when nothing is
// left.
func find(ctx context.Context, host *boxed.Host) (boxed.Kit, error) {
	kit := boxed.Kit{Version: system(), Tools: make(map[string]string)}
	var missing []error
	for _, add := range []func(context.Context, *boxed.Host, *boxed.Kit) error{addPython, addNode, addGo} {
		if err := add(ctx, host, &kit); err != nil {
			missing = append(missing, err)
		}
	}
	if len(kit.Languages) == 0 {
		return kit, errors.Join(append([]error{errors.New(
			"none of python3, node and go can be used here: install one of them and put it on the server's PATH")}, missing...)...)
	}
	return kit, nil
}

// system names the host's distribution (os-release(5)).
func system() string {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return ""
}
