package pss

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

// Tree returns the proportional set size (proc_pid_smaps(5)) of a
// process and all below it, in bytes. Pages that several processes share count
// once in total, those shared with the rest of the host by their part.
func Tree(ctx context.Context, pid int) (int64, error) {
	total := int64(0)
	for left := []int{pid}; len(left) > 0; left = left[1:] {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		pss, err := Of(left[0])
		if gone(err) && left[0] != pid {
			continue
		}
		if err != nil {
			return 0, err
		}
		children, err := procfs.Children(left[0])
		if err != nil && !gone(err) {
			return 0, err
		}
		total += pss
		left = append(left, children...)
	}
	return total, nil
}

func gone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// Of is that of one process. To read that of another user takes
// CAP_SYS_PTRACE.
func Of(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if kilobytes, ok := bytes.CutPrefix(line, []byte("Pss:")); ok {
			fields := strings.Fields(string(kilobytes))
			n, err := strconv.ParseInt(fields[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, nil // a zombie or a kernel thread has no memory
}

// Parent is the number of a process's parent, 0 where that is not to be seen.
func Parent(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if number, ok := bytes.CutPrefix(line, []byte("PPid:")); ok {
			return strconv.Atoi(string(bytes.TrimSpace(number)))
		}
	}
	return 0, nil
}
