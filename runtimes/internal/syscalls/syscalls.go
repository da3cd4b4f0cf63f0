// Package syscalls is the one list of what programs may ask of the kernel, in
// containers and in boxes alike. It is an allow-list: what it does not name is
// refused, so that the calls of newer kernels are too.
//
// Docker's default profile (github.com/moby/profiles v0.3.0) was the reference
// for what programs need. This list leaves out what that one allows only with a
// capability, the 32-bit interfaces (whose socketcall(2) hides its arguments from
// a filter), all but four families of sockets, the asynchronous input and output
// of io_setup(2) and io_uring (the former is counted for the whole host), and
// signals with made-up information, by which a program could end its agent.
package syscalls

// Call is a system call by its name and its number on each architecture; -1 is
// one that it does not have (syscalls(2)).
type Call struct {
	Name         string
	AMD64, ARM64 int
}

// Allowed are the calls that programs may make. Of some, named in the functions
// and constants below, only with certain arguments.
var Allowed = [...]Call{
	// Descriptors.
	{"read", 0, 63}, {"readv", 19, 65}, {"pread64", 17, 67}, {"preadv", 295, 69}, {"preadv2", 327, 286},
	{"write", 1, 64}, {"writev", 20, 66}, {"pwrite64", 18, 68}, {"pwritev", 296, 70}, {"pwritev2", 328, 287},
	{"lseek", 8, 62}, {"close", 3, 57}, {"close_range", 436, 436}, {"dup", 32, 23}, {"dup2", 33, -1},
	{"dup3", 292, 24}, {"fcntl", 72, 25}, {"ioctl", 16, 29}, {"flock", 73, 32}, {"sendfile", 40, 71},
	{"splice", 275, 76}, {"tee", 276, 77}, {"vmsplice", 278, 75}, {"copy_file_range", 326, 285},
	{"fsync", 74, 82}, {"fdatasync", 75, 83}, {"sync", 162, 81}, {"syncfs", 306, 267},
	{"sync_file_range", 277, 84}, {"readahead", 187, 213}, {"fadvise64", 221, 223}, {"cachestat", 451, 451},
	// Paths.
	{"open", 2, -1}, {"openat", 257, 56}, {"openat2", 437, 437}, {"creat", 85, -1}, {"access", 21, -1},
	{"faccessat", 269, 48}, {"faccessat2", 439, 439}, {"stat", 4, -1}, {"fstat", 5, 80}, {"lstat", 6, -1},
	{"newfstatat", 262, 79}, {"statx", 332, 291}, {"statfs", 137, 43}, {"fstatfs", 138, 44},
	{"truncate", 76, 45}, {"ftruncate", 77, 46}, {"fallocate", 285, 47}, {"umask", 95, 166},
	{"getcwd", 79, 17}, {"chdir", 80, 49}, {"fchdir", 81, 50}, {"getdents", 78, -1}, {"getdents64", 217, 61},
	{"mkdir", 83, -1}, {"mkdirat", 258, 34}, {"mknod", 133, -1}, {"mknodat", 259, 33}, {"rmdir", 84, -1},
	{"unlink", 87, -1}, {"unlinkat", 263, 35}, {"rename", 82, -1}, {"renameat", 264, 38},
	{"renameat2", 316, 276}, {"link", 86, -1}, {"linkat", 265, 37}, {"symlink", 88, -1},
	{"symlinkat", 266, 36}, {"readlink", 89, -1}, {"readlinkat", 267, 78},
	// Modes, owners, times and extended attributes.
	{"chmod", 90, -1}, {"fchmod", 91, 52}, {"fchmodat", 268, 53}, {"fchmodat2", 452, 452}, {"chown", 92, -1},
	{"fchown", 93, 55}, {"lchown", 94, -1}, {"fchownat", 260, 54}, {"utime", 132, -1}, {"utimes", 235, -1},
	{"utimensat", 280, 88}, {"futimesat", 261, -1}, {"getxattr", 191, 8}, {"lgetxattr", 192, 9},
	{"fgetxattr", 193, 10}, {"getxattrat", 464, 464}, {"setxattr", 188, 5}, {"lsetxattr", 189, 6},
	{"fsetxattr", 190, 7}, {"setxattrat", 463, 463}, {"listxattr", 194, 11}, {"llistxattr", 195, 12},
	{"flistxattr", 196, 13}, {"listxattrat", 465, 465}, {"removexattr", 197, 14}, {"lremovexattr", 198, 15},
	{"fremovexattr", 199, 16}, {"removexattrat", 466, 466},
	// Watching of files.
	{"inotify_init", 253, -1}, {"inotify_init1", 294, 26}, {"inotify_add_watch", 254, 27},
	{"inotify_rm_watch", 255, 28},
	// Waiting and pipes.
	{"poll", 7, -1}, {"ppoll", 271, 73}, {"select", 23, -1}, {"pselect6", 270, 72}, {"epoll_create", 213, -1},
	{"epoll_create1", 291, 20}, {"epoll_ctl", 233, 21}, {"epoll_wait", 232, -1}, {"epoll_pwait", 281, 22},
	{"epoll_pwait2", 441, 441}, {"eventfd", 284, -1}, {"eventfd2", 290, 19}, {"signalfd", 282, -1},
	{"signalfd4", 289, 74}, {"timerfd_create", 283, 85}, {"timerfd_settime", 286, 86},
	{"timerfd_gettime", 287, 87}, {"pipe", 22, -1}, {"pipe2", 293, 59},
	// Memory.
	{"mmap", 9, 222}, {"munmap", 11, 215}, {"mremap", 25, 216}, {"mprotect", 10, 226}, {"madvise", 28, 233},
	{"msync", 26, 227}, {"mincore", 27, 232}, {"brk", 12, 214}, {"membarrier", 324, 283}, {"mlock", 149, 228},
	{"mlock2", 325, 284}, {"mlockall", 151, 230}, {"munlock", 150, 229}, {"munlockall", 152, 231},
	{"memfd_create", 319, 279}, {"remap_file_pages", 216, 234}, {"pkey_alloc", 330, 289},
	{"pkey_free", 331, 290}, {"pkey_mprotect", 329, 288}, {"map_shadow_stack", 453, 453}, {"mseal", 462, 462},
	// Processes and threads.
	{"execve", 59, 221}, {"execveat", 322, 281}, {"exit", 60, 93}, {"exit_group", 231, 94}, {"fork", 57, -1},
	{"vfork", 58, -1}, {"wait4", 61, 260}, {"waitid", 247, 95}, {"kill", 62, 129}, {"tkill", 200, 130},
	{"tgkill", 234, 131}, {"pause", 34, -1}, {"set_tid_address", 218, 96}, {"set_robust_list", 273, 99},
	{"get_robust_list", 274, 100}, {"rseq", 334, 293}, {"arch_prctl", 158, -1}, {"prctl", 157, 167},
	{"seccomp", 317, 277}, {"restart_syscall", 219, 128}, {"futex", 202, 98}, {"futex_wait", 455, 455},
	{"futex_wake", 454, 454}, {"futex_requeue", 456, 456}, {"futex_waitv", 449, 449}, {"pidfd_open", 434, 434},
	{"pidfd_send_signal", 424, 424}, {"clone", 56, 220},
	// Signals and timers.
	{"rt_sigaction", 13, 134}, {"rt_sigprocmask", 14, 135}, {"rt_sigpending", 127, 136},
	{"rt_sigsuspend", 130, 133}, {"rt_sigreturn", 15, 139}, {"rt_sigtimedwait", 128, 137},
	{"sigaltstack", 131, 132}, {"alarm", 37, -1}, {"getitimer", 36, 102}, {"setitimer", 38, 103},
	{"timer_create", 222, 107}, {"timer_settime", 223, 110}, {"timer_gettime", 224, 108},
	{"timer_getoverrun", 225, 109}, {"timer_delete", 226, 111},
	// Identities.
	{"getpid", 39, 172}, {"getppid", 110, 173}, {"gettid", 186, 178}, {"getpgid", 121, 155},
	{"setpgid", 109, 154}, {"getpgrp", 111, -1}, {"getsid", 124, 156}, {"setsid", 112, 157},
	{"getuid", 102, 174}, {"geteuid", 107, 175}, {"getgid", 104, 176}, {"getegid", 108, 177},
	{"getresuid", 118, 148}, {"getresgid", 120, 150}, {"getgroups", 115, 158}, {"setuid", 105, 146},
	{"setgid", 106, 144}, {"setreuid", 113, 145}, {"setregid", 114, 143}, {"setresuid", 117, 147},
	{"setresgid", 119, 149}, {"setfsuid", 122, 151}, {"setfsgid", 123, 152}, {"setgroups", 116, 159},
	{"capget", 125, 90}, {"capset", 126, 91},
	// Limits and scheduling.
	{"getrlimit", 97, 163}, {"setrlimit", 160, 164}, {"prlimit64", 302, 261}, {"getrusage", 98, 165},
	{"times", 100, 153}, {"getpriority", 140, 141}, {"setpriority", 141, 140}, {"ioprio_get", 252, 31},
	{"ioprio_set", 251, 30}, {"sched_yield", 24, 124}, {"sched_getaffinity", 204, 123},
	{"sched_setaffinity", 203, 122}, {"sched_getparam", 143, 121}, {"sched_setparam", 142, 118},
	{"sched_getscheduler", 145, 120}, {"sched_setscheduler", 144, 119}, {"sched_getattr", 315, 275},
	{"sched_setattr", 314, 274}, {"sched_get_priority_max", 146, 125}, {"sched_get_priority_min", 147, 126},
	{"sched_rr_get_interval", 148, 127}, {"getcpu", 309, 168},
	// Time, the machine and Landlock.
	{"time", 201, -1}, {"gettimeofday", 96, 169}, {"clock_gettime", 228, 113}, {"clock_getres", 229, 114},
	{"clock_nanosleep", 230, 115}, {"nanosleep", 35, 101}, {"uname", 63, 160}, {"sysinfo", 99, 179},
	{"getrandom", 318, 278}, {"landlock_create_ruleset", 444, 444}, {"landlock_add_rule", 445, 445},
	{"landlock_restrict_self", 446, 446}, {"personality", 135, 92},
	// Debuggers and sanitizers; see package harden.
	{"ptrace", 101, 117}, {"process_vm_readv", 310, 270}, {"process_vm_writev", 311, 271},
	// Sockets.
	{"bind", 49, 200}, {"connect", 42, 203}, {"listen", 50, 201}, {"accept", 43, 202}, {"accept4", 288, 242},
	{"shutdown", 48, 210}, {"getsockname", 51, 204}, {"getpeername", 52, 205}, {"getsockopt", 55, 209},
	{"setsockopt", 54, 208}, {"sendto", 44, 206}, {"sendmsg", 46, 211}, {"sendmmsg", 307, 269},
	{"recvfrom", 45, 207}, {"recvmsg", 47, 212}, {"recvmmsg", 299, 243}, {"socket", 41, 198},
	{"socketpair", 53, 199},
	// System V and POSIX message queues, semaphores and shared memory.
	{"shmget", 29, 194}, {"shmat", 30, 196}, {"shmctl", 31, 195}, {"shmdt", 67, 197}, {"semget", 64, 190},
	{"semop", 65, 193}, {"semtimedop", 220, 192}, {"semctl", 66, 191}, {"msgget", 68, 186},
	{"msgsnd", 69, 189}, {"msgrcv", 70, 188}, {"msgctl", 71, 187}, {"mq_open", 240, 180},
	{"mq_unlink", 241, 181}, {"mq_timedsend", 242, 182}, {"mq_timedreceive", 243, 183},
	{"mq_notify", 244, 184}, {"mq_getsetattr", 245, 185},
}

// Families are the kinds of sockets that there are, by their number in the
// kernel's ABI: unix, internet of both versions, and netlink, by which
// getifaddrs(3) asks.
var Families = [...]uint32{1, 2, 10, 16}

// PairFamily is the kind of socketpair(2): unix.
const PairFamily = 1

// NewNamespaces are the flags of clone(2) that make namespaces: NEWNS, NEWCGROUP,
// NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. No program may.
const NewNamespaces = 0x7E020000

// Personas are what personality(2) may be given: the usual one, the same without
// randomised addresses, which debuggers ask for, and the question which it is.
var Personas = [...]uint32{0, 0x0040000, 0xffffffff}
