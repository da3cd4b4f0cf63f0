package leftover

import (
	"os"
	"path/filepath"
	"strings"
)

// Purpose is what a directory is for; it begins the directory's name.
type Purpose string

// The directories of a run.
const (
	Data  Purpose = "codebeaker-bench-data-"  // of the server in process
	Files Purpose = "codebeaker-bench-files-" // of what stands beside
)

// MkdirTemp makes a directory among the temporary ones that names this process.
// The caller removes it.
func MkdirTemp(p Purpose) (string, error) { return os.MkdirTemp("", string(p)+owner()+"-*") }

// Dirs returns the directories for that purpose whose process is gone. Those of
// other users and of other hosts are not among them.
func Dirs(p Purpose) (found []string) {
	entries, _ := os.ReadDir(os.TempDir()) // without it nothing can be made either
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), string(p))
		end := strings.LastIndexByte(name, '-')
		if !ok || end < 0 || !e.IsDir() || !gone(name[:end]) {
			continue
		}
		if info, err := e.Info(); err == nil && mine(info) {
			found = append(found, filepath.Join(os.TempDir(), e.Name()))
		}
	}
	return found
}

// SweepFiles removes the directories for Files whose process is gone. What
// cannot be removed is left to the next run.
func SweepFiles() {
	for _, dir := range Dirs(Files) {
		_ = os.RemoveAll(dir)
	}
}
