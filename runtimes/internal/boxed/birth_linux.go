package boxed

import (
	"os"
	"slices"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// birth opens the control group for the agent to be born in.
func (m *making) birth() (box.Birth, error) {
	if m.e.group == nil {
		return box.Birth{}, nil
	}
	files, err := m.e.group.Tasks()
	if err != nil {
		return box.Birth{}, err
	}
	if m.e.group.Version() == cgroup.V2 {
		return box.Birth{Directory: files[0]}, nil
	}
	return box.Birth{Tasks: files}, nil
}

func closeBirth(b box.Birth) {
	for _, file := range slices.Concat(b.Tasks, []*os.File{b.Directory}) {
		file.Close() // nil is fine
	}
}
