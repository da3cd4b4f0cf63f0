package docker

import "strings"

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
