package guestbin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// embedded holds the agents that `make guest` had made when the server was
// built: both of them, or none.
//
//go:embed embedded
var embedded embed.FS

// Embedded reports whether this program carries the agent for an architecture.
func Embedded(arch string) bool {
	file, err := embedded.Open("embedded/" + fileName(arch))
	if err != nil {
		return false
	}
	file.Close()
	return true
}

// Directory is where an embedded agent is put below a data directory.
func Directory(dataDir string) string { return filepath.Join(dataDir, "agent") }

// places are the directories in which an embedded agent may lie, the best
// first: a data directory may be mounted noexec.
func places(dataDir string) []string {
	var dirs []string
	if dataDir != "" {
		dirs = append(dirs, Directory(dataDir))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "codebeaker", "agent"))
	}
	return dirs
}

// unpack puts the embedded agent into the first of the directories from which
// it can be executed, and returns its path.
func unpack(arch string, dirs []string) (string, error) {
	content, err := embedded.ReadFile("embedded/" + fileName(arch))
	if err != nil {
		return "", ErrNotFound
	}
	var errs []error
	for _, dir := range dirs {
		path, err := place(content, fileName(arch), dir)
		if err == nil {
			err = mayExecute(path)
		}
		if err == nil {
			return path, nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return "", errors.New("there is no directory for the agent's program: name a data directory")
	}
	return "", errors.Join(errs...)
}

// placed are the files that this process has written or compared.
var placed sync.Map

// place writes content below dir under a name of its content, whole or not at
// all, unless it is there: servers of one user may share dir. Everyone may read
// and execute the file.
func place(content []byte, name, dir string) (string, error) {
	sum := sha256.Sum256(content)
	path := filepath.Join(dir, name+"-"+hex.EncodeToString(sum[:6]))
	if info, err := os.Stat(path); err == nil && info.Mode().Perm() == 0o555 && info.Size() == int64(len(content)) {
		if _, known := placed.Load(path); known {
			return path, nil
		}
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
			placed.Store(path, nil)
			return path, nil
		}
	}
	if err := write(content, path); err != nil {
		return "", fmt.Errorf("write the agent's program: %w", err)
	}
	placed.Store(path, nil)
	return path, nil
}

func write(content []byte, path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	draft, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(content)
	if err == nil {
		err = draft.Chmod(0o555)
	}
	if err := errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), path)
}
