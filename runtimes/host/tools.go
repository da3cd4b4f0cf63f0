package host

import (
	"os"
	"path/filepath"
)

// FindTools is where `make tools` puts Bun and Deno: .cache/tools/bin in the
// working directory, in that of this program, or above one of them; "" when it
// is nowhere.
func FindTools() string {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, dir := range starts {
		for {
			tools := filepath.Join(dir, ".cache", "tools", "bin")
			if _, err := os.Stat(tools); err == nil {
				return tools
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return ""
}
