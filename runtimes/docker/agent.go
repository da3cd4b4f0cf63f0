package docker

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"

	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// machines are the architectures the agent is built for, by the name that Go and
// Docker use.
var machines = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// agentProblem says why the agent's binary cannot run on an engine of that
// architecture; the error is nil where it can.
func agentProblem(path, engine string) (string, error) {
	binary, err := elf.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "The guest agent is not there: run `make build`, or name it with --guest or CODEBEAKER_GUEST.", err
	case errors.Is(err, fs.ErrPermission):
		return "The server may not read the guest agent: `chmod 755` it and the directories above it.", err
	case err != nil:
		return "The guest agent is no Linux program: run `make build`, or name another with --guest or CODEBEAKER_GUEST.", err
	}
	defer binary.Close()
	if built := machines[binary.Machine]; built != engine && engine != "" {
		engine = reason.Line(engine, architectureMax)
		return fmt.Sprintf("The Docker engine runs on %s and the guest agent at hand is not built for it: "+
				"set CODEBEAKER_GUEST to that of %s.", engine, engine),
			fmt.Errorf("%s is for %v, the engine on %s", path, binary.Machine, engine)
	}
	return "", nil
}

// architectureMax bounds the name that an engine gives its processors, in bytes.
const architectureMax = 20
