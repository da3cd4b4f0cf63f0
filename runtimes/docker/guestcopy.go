package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// copyGuest puts the agent's binary into a directory under a name of its
// content, readable and executable by all. Containers are given the copy: a
// build may replace the original while they run, and its directory may be one
// that the engine does not see.
func copyGuest(from, directory string) (string, error) {
	binary, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("read the agent: %w", err)
	}
	sum := sha256.Sum256(binary)
	path := filepath.Join(directory, "guest-"+hex.EncodeToString(sum[:6]))
	if info, err := os.Stat(path); err == nil && info.Size() == int64(len(binary)) && info.Mode().Perm() == 0o555 {
		return path, nil
	}
	// Other servers on this data directory there are none, but this one may have
	// been killed in the middle of a copy.
	draft, err := os.CreateTemp(directory, "guest-*.new")
	if err != nil {
		return "", err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(binary)
	if err == nil {
		err = draft.Chmod(0o555)
	}
	if closeErr := draft.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("copy the agent: %w", err)
	}
	return path, nil
}
