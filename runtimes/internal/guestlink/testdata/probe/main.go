//go:build linux

// Command probe tries what a hostile program would, and says for each what the
// kernel answered. It is a program of the tests of package guestlink.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/syscalls"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "32":
			thirtyTwoBit()
		case "reports":
			eachNew(openReports)
		}
		return
	}
	status()
	for _, c := range calls() {
		_, _, errno := unix.RawSyscall6(c.number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
		fmt.Printf("%s %s\n", c.name, unix.ErrnoName(errno))
	}
	fmt.Println("unlisted", strings.Join(unlisted(), " "))
}

// unlisted makes each call that the list does not have, and those of kernels to
// come, and returns those that the filter did not answer.
func unlisted() []string {
	// The first two are answered otherwise; uretprobe and uprobe of x86-64 are not
	// shown to any filter, and end who is not being traced by them (SIGILL).
	listed, last := map[int]bool{unix.SYS_CLONE3: true, unix.SYS_IO_SETUP: true, 335: true, 336: true}, 0
	for _, c := range syscalls.Allowed {
		number := c.AMD64
		if runtime.GOARCH == "arm64" {
			number = c.ARM64
		}
		listed[number], last = true, max(last, number)
	}
	var through []string
	for number := range 700 {
		if listed[number] {
			continue
		}
		want := unix.EPERM
		if number > last {
			want = unix.ENOSYS
		}
		if _, _, errno := unix.RawSyscall6(uintptr(number), 0, 0, 0, 0, 0, 0); errno != want {
			through = append(through, fmt.Sprintf("%d:%s", number, unix.ErrnoName(errno)))
		}
	}
	return through
}

// eachNew does something to whatever is started from now on, until it is ended.
func eachNew(do func(pid int)) {
	fmt.Println("up")
	for {
		for pid := os.Getpid() + 1; pid < os.Getpid()+2000; pid++ {
			do(pid)
		}
	}
}

// openReports tries to open what a program does not have, and says so when it
// did.
func openReports(pid int) {
	for fd := 3; fd < 32; fd++ {
		if opened, err := unix.Open(fmt.Sprintf("/proc/%d/fd/%d", pid, fd), unix.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
			fmt.Println("opened")
			unix.Close(opened)
		}
	}
}

type call struct {
	name   string
	number uintptr
	args   [6]uintptr
}

// word is what is read of the agent's memory, at the same place.
var word [8]byte

func calls() []call {
	var limit unix.Rlimit
	at := uintptr(unsafe.Pointer(&limit))
	piece := unix.Iovec{Base: &word[0], Len: uint64(len(word))}
	part := uintptr(unsafe.Pointer(&piece))
	return []call{
		{"mount", unix.SYS_MOUNT, [6]uintptr{}},
		{"umount2", unix.SYS_UMOUNT2, [6]uintptr{}},
		{"pivot_root", unix.SYS_PIVOT_ROOT, [6]uintptr{}},
		{"chroot", unix.SYS_CHROOT, [6]uintptr{}},
		{"setns", unix.SYS_SETNS, [6]uintptr{}},
		{"unshare-user", unix.SYS_UNSHARE, [6]uintptr{unix.CLONE_NEWUSER}},
		{"unshare-files", unix.SYS_UNSHARE, [6]uintptr{unix.CLONE_FILES}},
		{"clone-user", unix.SYS_CLONE, [6]uintptr{unix.CLONE_NEWUSER | uintptr(unix.SIGCHLD)}},
		{"clone3", unix.SYS_CLONE3, [6]uintptr{}},
		{"bpf", unix.SYS_BPF, [6]uintptr{}},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, [6]uintptr{}},
		{"userfaultfd", unix.SYS_USERFAULTFD, [6]uintptr{}},
		{"perf_event_open", unix.SYS_PERF_EVENT_OPEN, [6]uintptr{}},
		{"keyctl", unix.SYS_KEYCTL, [6]uintptr{}},
		{"add_key", unix.SYS_ADD_KEY, [6]uintptr{}},
		{"request_key", unix.SYS_REQUEST_KEY, [6]uintptr{}},
		{"kexec_load", unix.SYS_KEXEC_LOAD, [6]uintptr{}},
		{"init_module", unix.SYS_INIT_MODULE, [6]uintptr{}},
		{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT, [6]uintptr{}},
		{"settimeofday", unix.SYS_SETTIMEOFDAY, [6]uintptr{}},
		{"sethostname", unix.SYS_SETHOSTNAME, [6]uintptr{}},
		{"ptrace-attach", unix.SYS_PTRACE, [6]uintptr{unix.PTRACE_ATTACH, 1}},
		{"process_vm_readv", unix.SYS_PROCESS_VM_READV, [6]uintptr{1, part, 1, part, 1}},
		{"pidfd-signal", unix.SYS_PIDFD_SEND_SIGNAL, [6]uintptr{99}},
		{"pidfd-signal-forged", unix.SYS_PIDFD_SEND_SIGNAL, [6]uintptr{99, 0, at}},
		{"pidfd-signal-high", unix.SYS_PIDFD_SEND_SIGNAL, [6]uintptr{99, 0, 1 << 40}},
		{"prlimit-agent", unix.SYS_PRLIMIT64, [6]uintptr{1, unix.RLIMIT_NOFILE, 0, at}},
		{"prlimit-self", unix.SYS_PRLIMIT64, [6]uintptr{0, unix.RLIMIT_NOFILE, 0, at}},
		{"socket-vsock", unix.SYS_SOCKET, [6]uintptr{unix.AF_VSOCK, unix.SOCK_STREAM}},
		{"socket-alg", unix.SYS_SOCKET, [6]uintptr{unix.AF_ALG, unix.SOCK_SEQPACKET}},
		{"socket-packet", unix.SYS_SOCKET, [6]uintptr{unix.AF_PACKET, unix.SOCK_RAW}},
		{"socket-netfilter", unix.SYS_SOCKET, [6]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}},
		{"socket-route", unix.SYS_SOCKET, [6]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}},
		{"socket-inet", unix.SYS_SOCKET, [6]uintptr{unix.AF_INET, unix.SOCK_STREAM}},
		{"socket-unix", unix.SYS_SOCKET, [6]uintptr{unix.AF_UNIX, unix.SOCK_STREAM}},
		{"socketpair-inet", unix.SYS_SOCKETPAIR, [6]uintptr{unix.AF_INET, unix.SOCK_STREAM, 0, at}},
		{"personality", unix.SYS_PERSONALITY, [6]uintptr{8}},
		{"personality-fixed", unix.SYS_PERSONALITY, [6]uintptr{0x0040000}},
		{"tiocsti", unix.SYS_IOCTL, [6]uintptr{0, unix.TIOCSTI}},
		{"setuid-root", unix.SYS_SETUID, [6]uintptr{0}},
		{"x32", 0x40000000 | unix.SYS_GETPID, [6]uintptr{}},
		{"no-such-call", ^uintptr(0), [6]uintptr{}},
	}
}

func status() {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups", "SigIgn", "SigBlk":
			fmt.Println(key, strings.TrimSpace(value))
		}
	}
	for _, path := range []string{"/proc/1/fd", "/proc/1/environ", "/proc/1/maps", "/proc/1/root/"} {
		_, err := os.ReadFile(path)
		if _, dirErr := os.ReadDir(path); dirErr == nil {
			err = nil
		}
		fmt.Println(path, err != nil)
	}
}
