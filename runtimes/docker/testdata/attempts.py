"""Tries what a session must not be able to do. Prints one line for each attempt
that went through, and "done" in the end. With the argument "answers" it prints
instead what the kernel answered to each system call but those named after it."""
import ctypes, errno, mmap, os, socket, sys

libc = ctypes.CDLL(None, use_errno=True)
REFUSED = {errno.EPERM, errno.ENOSYS, errno.EACCES, errno.EROFS, errno.ENOENT, errno.EAFNOSUPPORT, errno.ENOTSUP}


def attempt(what, act):
    try:
        act()
    except OSError as e:
        if e.errno in REFUSED:
            return
        print("unclear:", what, e)
        return
    print("succeeded:", what)


def answer(act):
    """What a child was told that did it: 0, an errno, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except OSError as e:
            os._exit(e.errno)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def call(number, *args):
    def act():
        ctypes.set_errno(0)
        if libc.syscall(ctypes.c_long(number), *[ctypes.c_void_p(a) for a in args]) < 0:
            raise OSError(ctypes.get_errno(), "refused")
    return act


def by_itself(act):
    def isolated():
        told = answer(act)
        if told:
            raise OSError(told, "refused")
    return isolated


def i386():
    # mov eax, 20; int 0x80; ret: getpid by way of i386.
    m = mmap.mmap(-1, 4096, prot=7)
    m.write(bytes.fromhex("b814000000cd80c3"))
    if ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))() <= 0:
        raise OSError(errno.ENOSYS, "refused")


def read(path):
    def act():
        with open(path, "rb") as f:
            if not f.read(16):
                raise OSError(errno.EPERM, "empty")
    return act


def write(path, text):
    def act():
        with open(path, "w") as f:
            f.write(text)
    return act


# By the numbers of x86-64; 0xfff... arguments would be faults, not refusals.
SYSTEM_CALLS = {
    "chroot": 161, "mount": 165, "umount2": 166, "pivot_root": 155, "swapon": 167, "reboot": 169, "sethostname": 170,
    "init_module": 175, "quotactl": 179, "syslog": 103, "settimeofday": 164, "acct": 163,
    "iopl": 172, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298,
    "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308, "kcmp": 312,
    "bpf": 321, "kexec_file_load": 320, "userfaultfd": 323, "io_uring_setup": 425, "move_mount": 429, "fsopen": 430,
    "clone3": 435, "pidfd_getfd": 438, "mount_setattr": 442, "a call of the future": 999,
}
CALLS = {name: call(number, 0, 0, 0, 0, 0) for name, number in SYSTEM_CALLS.items()}
CALLS |= {
    "unshare(NEWUSER)": call(272, 0x10000000),
    "clone(NEWUSER)": call(56, 0x10000000 | 17, 0, 0, 0, 0), "socket(AF_VSOCK)": call(41, 40, 1, 0),
}
if os.uname().machine != "x86_64":
    CALLS = {}
if sys.argv[1:2] == ["answers"]:
    for name, act in (CALLS | {"x32": call(0x40000000 | 39), "i386": i386}).items():
        if name not in sys.argv[2:]:
            told = answer(act)
            print(name, errno.errorcode.get(told, told), sep="=")
    sys.exit()
for name, act in CALLS.items():
    attempt(name, by_itself(act))
if CALLS:
    attempt("trace the agent", call(101, 16, 1, 0, 0))

for family in ("AF_VSOCK", "AF_ALG", "AF_PACKET", "AF_KEY", "AF_CAN", "AF_TIPC", "AF_BLUETOOTH"):
    number = getattr(socket, family, None)
    if number is not None:
        attempt(family, lambda: socket.socket(number, socket.SOCK_RAW if number == 17 else socket.SOCK_SEQPACKET))
attempt("raw ICMP", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("another root", lambda: os.setuid(0))
attempt("device node", lambda: os.mknod("/workspace/disk", 0o60600, os.makedev(8, 0)))

for path in ("/x", "/etc/x", "/usr/x", "/workspace/../x", "/sys/x", "/.codebeaker/x", "/.codebeaker/link/x", "/dev/x"):
    attempt("write " + path, write(path, "x"))
attempt("sysrq", write("/proc/sysrq-trigger", "h"))
attempt("core_pattern", write("/proc/sys/kernel/core_pattern", "|/bin/sh"))
attempt("a lower oom_score_adj", write("/proc/self/oom_score_adj", "-1000"))
for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/1/environ", "/proc/1/mem", "/var/run/docker.sock", "/run/docker.sock",
             "/.codebeaker/link/agent.sock", "/root/x", "/etc/shadow", "/proc/1/fd/0"):
    attempt("read " + path, read(path))
for root, _, files in os.walk("/sys/fs/cgroup"):
    for file in files:
        if file in ("cgroup.procs", "release_agent", "pids.max", "memory.max", "memory.limit_in_bytes"):
            attempt("write " + os.path.join(root, file), lambda: os.close(os.open(os.path.join(root, file), os.O_WRONLY)))

interfaces = sorted(name for _, name in socket.if_nameindex())
if [i for i in interfaces if i != "lo"] and not set(interfaces) <= {"lo", "tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}:
    print("interfaces:", interfaces)
for address in (("169.254.169.254", 80), ("172.17.0.1", 22), ("10.0.0.1", 53)):
    s = socket.socket()
    s.settimeout(1)
    try:
        s.connect(address)
        print("connected:", address)
    except OSError as e:
        if e.errno != errno.ENETUNREACH:
            print("not unreachable at once:", address, e)
others = [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid(), os.getppid())]
if others:
    print("sees processes:", others)
status = open("/proc/self/status").read()
for line in ("CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
    if line not in status:
        print("status lacks", line)
print("done")
sys.stdout.flush()
