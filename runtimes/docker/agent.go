package docker

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
)

// machines are the architectures the agent is built for, by the name that Go and
// Docker use.
var machines = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// agentProblem says why the agent's binary cannot run on an engine of that
// architecture, or "".
func agentProblem(path, engine string) string {
	binary, err := elf.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "The guest agent has not been built: run `make build`."
	case err != nil:
		return "The guest agent is no Linux program or cannot be read: run `make build`."
	}
	defer binary.Close()
	if built := machines[binary.Machine]; built != engine && engine != "" {
		return fmt.Sprintf("The Docker engine runs on %s and the guest agent at hand is not built for it: "+
			"set CODEBEAKER_GUEST to that of %s.", engine, engine)
	}
	return ""
}
