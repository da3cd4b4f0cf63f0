package cgroup

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	errBusy    = syscall.EBUSY
	errInvalid = syscall.EINVAL
)

// write writes a control file in one write(2), as the kernel wants it.
func write(dir, name, value string) error {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteString(value); err != nil {
		return fmt.Errorf("%q: %w", value, err)
	}
	return nil
}

func read(dir, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	return strings.TrimSpace(string(text)), err
}

// readNumber reads a count. "max", and the numbers by which version 1 means no
// limit, are zero with limited false.
func readNumber(dir, name string) (n int64, limited bool, err error) {
	text, err := read(dir, name)
	if err != nil || text == "max" {
		return 0, false, err
	}
	if n, err = strconv.ParseInt(text, 10, 64); err != nil {
		return 0, false, fmt.Errorf("%s: %w", name, err)
	}
	// Version 1 says the largest multiple of a page; -1 for cfs_quota_us.
	if n < 0 || n > math.MaxInt64-1<<20 {
		return 0, false, nil
	}
	return n, true, nil
}

// readKey reads the number after a key in a file of "key number" lines.
func readKey(dir, name, key string) (n int64, found bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return 0, false, err
	}
	for line := range bytes.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(string(line)), " "); ok && k == key {
			n, err := strconv.ParseInt(v, 10, 64)
			return n, err == nil, err
		}
	}
	return 0, false, nil
}

// number formats a limit for a file where "none" means no limit.
func number(n int64, none string) string {
	if n == 0 {
		return none
	}
	return strconv.FormatInt(n, 10)
}
