package adjust

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

// mostPasses bounds how often a tree is walked that grows meanwhile.
const mostPasses = 20

// ResourceLimits changes limits of a process and of all below it, the process
// itself first: what is started from now on has them. A process that was bounded
// below the old limit by itself is only ever lowered. It returns those of the
// process, read back.
// Errors: ErrRefused.
func ResourceLimits(pid int, limits []ResourceLimit) (inForce []uint64, err error) {
	if len(limits) == 0 {
		return nil, nil
	}
	inForce, err = setAll(pid, limits)
	if errors.Is(err, ErrRefused) && unix.Geteuid() == 0 {
		asUserOf(pid, func() { inForce, err = setAll(pid, limits) })
	}
	return inForce, err
}

// asUserOf calls f on a thread with the real user and group of a process, which
// is who may change its limits, prlimit(2), where root may not everything
// (CAP_SYS_RESOURCE). What decides everything else, the effective ones, stays. It
// does nothing where that cannot be had.
func asUserOf(pid int, f func()) {
	uid, gid, err := usersOf(pid)
	if err != nil {
		return
	}
	runtime.LockOSThread()
	ownUID, ownGID := unix.Getuid(), unix.Getgid()
	// Raw calls: the runtime's would change all threads.
	if !become(unix.SYS_SETRESGID, gid) {
		runtime.UnlockOSThread()
		return
	}
	if become(unix.SYS_SETRESUID, uid) {
		f()
	}
	if become(unix.SYS_SETRESUID, ownUID) && become(unix.SYS_SETRESGID, ownGID) {
		runtime.UnlockOSThread()
	} // else the thread ends with its goroutine, see runtime.LockOSThread
}

// become sets the real id of the thread.
func become(call uintptr, id int) bool {
	_, _, errno := unix.RawSyscall(call, uintptr(id), ^uintptr(0), ^uintptr(0))
	return errno == 0
}

// usersOf are the real user and group of a process.
func usersOf(pid int) (uid, gid int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for _, field := range []struct {
		name string
		to   *int
	}{{"\nUid:", &uid}, {"\nGid:", &gid}} {
		_, line, _ := strings.Cut(string(text), field.name)
		if _, err := fmt.Sscan(line, field.to); err != nil {
			return 0, 0, err
		}
	}
	return uid, gid, nil
}

func setAll(pid int, limits []ResourceLimit) (inForce []uint64, err error) {
	for i := range limits {
		if _, err := limits[i].set(pid); err != nil {
			if i == 0 && errors.Is(err, unix.EPERM) {
				return nil, fmt.Errorf("%w: %w", ErrRefused, err)
			}
			return nil, err
		}
		var have unix.Rlimit
		if err := unix.Prlimit(pid, limits[i].Resource, nil, &have); err != nil {
			return nil, fmt.Errorf("read a resource limit: %w", err)
		}
		inForce = append(inForce, have.Cur)
	}
	// What a process starts while the tree is walked may still have the old ones.
	for range mostPasses {
		changed, err := setBelow(pid, limits)
		if err != nil {
			return nil, err
		}
		if !changed {
			return inForce, nil
		}
	}
	return nil, errors.New("processes start faster than their limits are set")
}

func setBelow(pid int, limits []ResourceLimit) (changed bool, err error) {
	children, err := procfs.Children(pid)
	if gone(err) {
		return false, nil
	}
	for _, child := range children {
		for i := range limits {
			differed, setErr := limits[i].set(child)
			if setErr != nil && !gone(setErr) {
				return changed, setErr
			}
			changed = changed || differed
		}
		below, belowErr := setBelow(child, limits)
		if belowErr != nil {
			return changed, belowErr
		}
		changed = changed || below
	}
	return changed, err
}

// set reports whether the process had another limit.
func (l *ResourceLimit) set(pid int) (changed bool, err error) {
	var have unix.Rlimit
	if err := unix.Prlimit(pid, l.Resource, nil, &have); err != nil {
		return false, fmt.Errorf("read a resource limit: %w", err)
	}
	next := l.next(have)
	if next == have {
		return false, nil
	}
	if err := unix.Prlimit(pid, l.Resource, &next, nil); err != nil {
		return false, fmt.Errorf("set a resource limit: %w", err)
	}
	return true, nil
}

func (l *ResourceLimit) next(have unix.Rlimit) unix.Rlimit {
	next := have
	if have.Max == l.Was || have.Max > l.Now {
		next.Max = l.Now
	}
	if have.Cur == have.Max || have.Cur > next.Max {
		next.Cur = next.Max
	}
	return next
}

func gone(err error) bool { return errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) }
