package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// dataDir is the server's directory, held by one server at a time.
type dataDir struct {
	path string
	// mark names the directory on engines and in control groups, so that a
	// server sweeps only what this directory left behind.
	mark string
	lock *os.File
}

// openDataDir makes the directory if it is missing and locks it.
// Errors: another server holds it.
func openDataDir(path string) (*dataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// Programs' uids pass through it to their workspaces; they cannot list it.
	if err := os.MkdirAll(path, 0o711); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("the data directory %s is in use by another server", path)
	}
	mark, err := readMark(filepath.Join(path, "mark"))
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &dataDir{path: path, mark: mark, lock: lock}, nil
}

// file returns a path in the directory.
func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// Close lets another server have the directory.
func (d *dataDir) Close() error { return d.lock.Close() }

// readMark returns the mark in the file, a new one when there is none.
func readMark(file string) (string, error) {
	text, err := os.ReadFile(file)
	mark := strings.TrimSpace(string(text))
	if err == nil && len(mark) == 12 {
		if _, err := hex.DecodeString(mark); err == nil {
			return mark, nil
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	mark = hex.EncodeToString(random[:])
	return mark, os.WriteFile(file, []byte(mark+"\n"), 0o600)
}
