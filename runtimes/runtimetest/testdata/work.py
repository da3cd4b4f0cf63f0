"""What programs in Python do of the kernel's things; prints "worked"."""
import asyncio, cProfile, ctypes, faulthandler, fcntl, mmap, multiprocessing, os, select, signal, socket
import subprocess, sys, tempfile, threading, tracemalloc
from multiprocessing import shared_memory


def threads():
    done = []
    all = [threading.Thread(target=done.append, args=(i,)) for i in range(8)]
    for t in all:
        t.start()
    for t in all:
        t.join()
    assert len(done) == 8


def generated_code():
    if os.uname().machine == "x86_64":
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(b"\xb8\x2a\x00\x00\x00\xc3")  # mov eax, 42; ret
        assert ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))() == 42
    called = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)
    assert called() == 7


def processes():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
    memory = shared_memory.SharedMemory(create=True, size=4096)
    memory.buf[0] = 5
    memory.close()
    memory.unlink()
    assert subprocess.run(["sh", "-c", "exit 3"]).returncode == 3
    pid = os.posix_spawn("/bin/true", ["true"], os.environ)
    fd = os.pidfd_open(pid)
    assert select.select([fd], [], [], 10)[0]
    signal.pidfd_send_signal(fd, 0)
    os.waitpid(pid, 0)


def files():
    with tempfile.TemporaryFile() as a, tempfile.TemporaryFile() as b:
        a.write(b"x" * 100)
        a.flush()
        assert os.copy_file_range(a.fileno(), b.fileno(), 100, 0) == 100
        assert os.sendfile(b.fileno(), a.fileno(), 0, 100) == 100
        os.posix_fallocate(b.fileno(), 0, 4096)
        fcntl.flock(a, fcntl.LOCK_EX)
    held = os.memfd_create("held")
    os.write(held, b"x")
    watch = ctypes.CDLL(None).inotify_init()
    assert watch >= 0
    os.close(watch)
    read, write = os.pipe()
    os.write(write, b"abc")
    r2, w2 = os.pipe()
    if hasattr(os, "splice"):
        assert os.splice(read, w2, 3) == 3


def time_and_signals():
    got = []
    signal.signal(signal.SIGALRM, lambda *_: got.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    assert got
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    os.kill(os.getpid(), signal.SIGUSR1)
    assert signal.sigtimedwait([signal.SIGUSR1], 10).si_signo == signal.SIGUSR1


async def loop():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b""
        writer.close()
    p = await asyncio.create_subprocess_exec("true")
    assert await p.wait() == 0


def scheduling():
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.nice(1)
    os.getloadavg()
    a, b = socket.socketpair()
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"\0\0\0\0")])
    assert b.recvmsg(1, 100)[0] == b"x"


faulthandler.dump_traceback_later(120, exit=True)
tracemalloc.start()
profile = cProfile.Profile()
profile.enable()
for part in (threads, generated_code, processes, files, time_and_signals, scheduling):
    part()
asyncio.run(loop())
profile.disable()
faulthandler.cancel_dump_traceback_later()
print("worked")
