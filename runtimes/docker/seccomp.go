package docker

import (
	"encoding/json"
	"strings"
)

// The profile is an allow-list: a system call that it does not name fails with
// EPERM, so that calls of newer kernels are refused too. Compared with the
// profile of moby v0.3.0 (github.com/moby/profiles), which was the reference
// for what programs need, it leaves out what moby allows only with a capability,
// the 32-bit ABIs (whose socketcall(2) hides its arguments from a filter), and
// address families but four.
//
// The agent adds its own filter on top; where the engine's is missing, that one
// still holds.

// seccompProfile is the JSON that Docker reads; see seccomp(7) and the OCI
// runtime specification on Linux containers, "Seccomp".
type seccompProfile struct {
	DefaultAction   string        `json:"defaultAction"`
	DefaultErrnoRet uint          `json:"defaultErrnoRet"`
	ArchMap         []seccompArch `json:"archMap"`
	Syscalls        []seccompRule `json:"syscalls"`
}

type seccompArch struct {
	Architecture string `json:"architecture"`
	// SubArchitectures is empty on purpose: calls by way of i386 and x32 end
	// the program.
	SubArchitectures []string `json:"subArchitectures"`
}

type seccompRule struct {
	Names  []string     `json:"names"`
	Action string       `json:"action"`
	Args   []seccompArg `json:"args,omitempty"`
}

type seccompArg struct {
	Index    uint   `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo,omitempty"`
	Op       string `json:"op"`
}

const (
	allow = "SCMP_ACT_ALLOW"
	errno = "SCMP_ACT_ERRNO"

	equal       = "SCMP_CMP_EQ"
	maskedEqual = "SCMP_CMP_MASKED_EQ"

	eperm = 1
)

// Address families, by their number in the kernel's ABI.
const (
	afUnix    = 1
	afInet    = 2
	afInet6   = 10
	afNetlink = 16 // getifaddrs(3) asks by it
)

// newNamespaces are the flags of clone(2) that make namespaces: NEWNS,
// NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
const newNamespaces = 0x7E020000

// personas are the values personality(2) may be given: Linux, with 16-bit uids,
// without address randomisation, both, and the question which one it is.
var personas = []uint64{0, 0x0008, 0x20000, 0x20008, 0xffffffff}

// seccompJSON is the profile, and seccompOption as the engine takes it.
var (
	seccompJSON   = buildSeccomp()
	seccompOption = "seccomp=" + seccompJSON
)

func buildSeccomp() string {
	rules := []seccompRule{}
	for _, names := range allowedCalls {
		rules = append(rules, seccompRule{Names: names, Action: allow})
	}
	for _, family := range []uint64{afUnix, afInet, afInet6, afNetlink} {
		rules = append(rules, allowWhen(equal, family, 0, "socket"))
	}
	rules = append(rules, allowWhen(equal, afUnix, 0, "socketpair"))
	for _, persona := range personas {
		rules = append(rules, allowWhen(equal, persona, 0, "personality"))
	}
	// clone3 has its flags behind a pointer, where no filter sees them. The agent
	// needs it to start programs in control groups of version 2; its own filter,
	// under which every program is, answers it by ENOSYS, by which libraries fall
	// back to clone.
	rules = append(rules,
		allowWhen(maskedEqual, newNamespaces, 0, "clone"),
		seccompRule{Names: []string{"clone3"}, Action: allow},
	)
	text, err := json.Marshal(seccompProfile{
		DefaultAction:   errno,
		DefaultErrnoRet: eperm,
		ArchMap: []seccompArch{
			{Architecture: "SCMP_ARCH_X86_64", SubArchitectures: []string{}},
			{Architecture: "SCMP_ARCH_AARCH64", SubArchitectures: []string{}},
		},
		Syscalls: rules,
	})
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	return string(text)
}

// allowWhen allows the call when its first argument compares so.
func allowWhen(op string, value, valueTwo uint64, name string) seccompRule {
	return seccompRule{
		Names: []string{name}, Action: allow,
		Args: []seccompArg{{Value: value, ValueTwo: valueTwo, Op: op}},
	}
}

// allowedCalls are the system calls that need no look at their arguments, by
// what they are for. Names of one architecture only do no harm on the other.
var allowedCalls = [][]string{
	calls(`read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek
		close close_range dup dup2 dup3 fcntl ioctl flock sendfile splice tee vmsplice
		copy_file_range fsync fdatasync sync syncfs sync_file_range readahead fadvise64 cachestat`),
	calls(`open openat openat2 creat access faccessat faccessat2 stat fstat lstat newfstatat statx
		statfs fstatfs truncate ftruncate fallocate umask getcwd chdir fchdir getdents getdents64
		mkdir mkdirat mknod mknodat rmdir unlink unlinkat rename renameat renameat2
		link linkat symlink symlinkat readlink readlinkat`),
	calls(`chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat
		utime utimes utimensat futimesat
		getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat
		listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat`),
	calls(`inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
		io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents`),
	calls(`poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
		eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime pipe pipe2`),
	calls(`mmap munmap mremap mprotect madvise msync mincore brk membarrier mlock mlock2 mlockall munlock munlockall
		memfd_create remap_file_pages pkey_alloc pkey_free pkey_mprotect map_shadow_stack mseal`),
	calls(`execve execveat exit exit_group fork vfork wait4 waitid kill tkill tgkill pause
		set_tid_address set_robust_list get_robust_list rseq arch_prctl prctl seccomp restart_syscall
		futex futex_wait futex_wake futex_requeue futex_waitv pidfd_open pidfd_send_signal`),
	calls(`rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigreturn rt_sigtimedwait
		rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack alarm getitimer setitimer
		timer_create timer_settime timer_gettime timer_getoverrun timer_delete`),
	calls(`getpid getppid gettid getpgid setpgid getpgrp getsid setsid
		getuid geteuid getgid getegid getresuid getresgid getgroups
		setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capget capset`),
	calls(`getrlimit setrlimit prlimit64 getrusage times getpriority setpriority ioprio_get ioprio_set
		sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam
		sched_getscheduler sched_setscheduler sched_getattr sched_setattr
		sched_get_priority_max sched_get_priority_min sched_rr_get_interval getcpu`),
	calls(`time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep
		uname sysinfo getrandom landlock_create_ruleset landlock_add_rule landlock_restrict_self`),
	calls(`ptrace process_vm_readv process_vm_writev`), // see package harden
	calls(`bind connect listen accept accept4 shutdown getsockname getpeername getsockopt setsockopt
		sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg`),
	calls(`shmget shmat shmctl shmdt semget semop semtimedop semctl msgget msgsnd msgrcv msgctl
		mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr`),
}

func calls(names string) []string { return strings.Fields(names) }
