"""The kernel for Python: runs cells in the main module and keeps it.

The messages are described in the Go package beside this file. This module is
not the user's: theirs is __main__. Nothing here is for them but display().
"""
import _ast
import _signal
import _thread
import __future__
import builtins
import faulthandler
import io
import json
import os
import re
import resource
import select
import signal
import sys
import time

HERE = "<kernel>"  # the file name of this module
MAX_TEXT = 64 << 10
MAX_DISPLAY = 4 << 20
MAX_DISPLAYS = 64
KEPT_SOURCES, KEPT_SOURCE = 50, 256 << 10  # cells whose lines stay known, and how long they may be
TOP_LEVEL_AWAIT = 0x2000
ONLY_AST = 0x400
COROUTINE = 0x80
FUTURE = 0
for _name in __future__.all_feature_names:
    FUTURE |= getattr(__future__, _name).compiler_flag

main = sys.modules["__main__"]
user = main.__dict__
main_thread = _thread.get_ident()


class State:
    running = False  # the user's code: an interrupt may be raised
    shielded = 0  # within it, but nothing may be raised now
    pending = False  # an interrupt waits for the end of the shield
    interrupted = 0  # interrupts of this cell
    in_cell = False
    child = False  # this process is a fork of the kernel
    flags = TOP_LEVEL_AWAIT  # with what `from __future__` has added
    displays = 0
    number = 0  # of displays, for acknowledgements
    cut = False  # displays were left out
    pump = None  # reads the channel while an input is open
    loop = None
    sources = []
    shell = None  # IPython's


state = State()


# Interrupts.

def on_interrupt(signum, frame):
    if not state.running:
        return
    state.interrupted += 1
    if state.shielded:
        state.pending = True
        return
    raise KeyboardInterrupt


class Shield:
    """No interrupt is raised within; one that comes waits for the end.

    Interrupts are raised in the main thread, so other threads need none."""

    def __enter__(self):
        if _thread.get_ident() == main_thread:
            state.shielded += 1

    def __exit__(self, *_):
        if _thread.get_ident() != main_thread:
            return
        state.shielded -= 1
        if state.pending and not state.shielded:
            state.pending = False
            raise KeyboardInterrupt


shield = Shield()


# The channel.

class Channel:
    def __init__(self):
        self.reads, self.writes = above(3), above(4)
        self.writing = _thread.allocate_lock()
        self.held = b""  # read and not used yet

    def exactly(self, n):
        data = self.held
        if len(data) < n:
            data = bytearray(data)
            while len(data) < n:
                more = os.read(self.reads, max(65536, min(n - len(data), 1 << 20)))
                if not more:
                    os._exit(0)  # nobody is there any more
                data += more
            data = bytes(data)
        self.held = data[n:]
        return data[:n]

    def receive(self):
        lengths = self.exactly(8)
        header = json.loads(self.exactly(int.from_bytes(lengths[:4], "little")).decode())
        body = self.exactly(int.from_bytes(lengths[4:], "little"))
        parts, at = {}, 0
        for part in header.get("parts", ()):
            parts[part["name"]] = body[at:at + part["bytes"]]
            at += part["bytes"]
        return header, parts

    def send(self, header, parts=(), before=b""):
        """Sends a message; parts are (name, type or None, bytes)."""
        if parts:
            header["parts"] = [
                {"name": name, "bytes": len(data), **({"type": kind} if kind else {})} for name, kind, data in parts]
        head = json.dumps(header).encode()
        body = b"".join(part[2] for part in parts)
        data = memoryview(
            before + len(head).to_bytes(4, "little") + len(body).to_bytes(4, "little") + head + body)
        with self.writing:
            while data:
                data = data[os.write(self.writes, data):]


def above(fd):
    """Moves a descriptor where no program expects one."""
    import fcntl
    highest = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1000)
    for lowest in (highest - 10, highest // 2, 20, 5):
        try:
            moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(lowest, 5))
        except OSError:
            continue
        os.close(fd)
        return moved
    return fd


def after_fork():
    """A child has no channel: it would speak as the kernel."""
    state.child = True
    for fd in (channel.reads, channel.writes):
        try:
            os.close(fd)
        except OSError:
            pass


def before_fork():
    if not state.child:
        flush()


# The standard streams.

def flush():
    for stream in (sys.stdout, sys.__stdout__, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    if "ctypes" in sys.modules:
        try:
            sys.modules["ctypes"].CDLL(None).fflush(None)
        except Exception:
            pass


def text_stream(fd, name):
    raw = io.FileIO(fd, "w", closefd=False)
    raw.name = name
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True)


def set_up_streams():
    """Mends what the code of earlier cells has closed."""
    if sys.__stdout__ is None or sys.__stdout__.closed:
        sys.__stdout__ = text_stream(1, "<stdout>")
    if sys.__stderr__ is None or sys.__stderr__.closed:
        sys.__stderr__ = text_stream(2, "<stderr>")
    if getattr(sys.stdout, "closed", True):
        sys.stdout = sys.__stdout__
    if getattr(sys.stderr, "closed", True):
        sys.stderr = sys.__stderr__


def set_input(fd):
    os.dup2(fd, 0)
    os.close(fd)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)


def given_input(data):
    try:
        fd = os.memfd_create("stdin", os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        import tempfile
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left):]
    os.lseek(fd, 0, os.SEEK_SET)
    set_input(fd)


def no_input():
    set_input(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


class Pump:
    """Reads the channel while the input of a cell is open, and fills that."""

    def __init__(self, first):
        self.waiting = bytearray(first)
        self.counted = -len(first)  # what was taken in; the first bytes do not count
        self.ended = False
        self.acknowledged = _thread.allocate_lock()
        self.acknowledged.acquire()
        read, self.pipe = os.pipe()
        os.set_blocking(self.pipe, False)
        self.awake, self.wake = os.pipe()
        self.over = _thread.allocate_lock()
        self.over.acquire()
        set_input(read)
        _thread.start_new_thread(self.run, ())

    def run(self):
        try:
            while self.step():
                pass
        finally:
            self.over.release()

    def step(self):
        poll = select.poll()
        poll.register(self.awake, select.POLLIN)
        poll.register(channel.reads, select.POLLIN)
        if self.pipe is not None and self.waiting:
            poll.register(self.pipe, select.POLLOUT)
        elif self.pipe is not None and self.ended:
            self.close()
        if channel.held:
            self.take()
            return True
        for fd, _ in poll.poll():
            if fd == self.awake:
                return False
            if fd == self.pipe:
                self.fill()
            elif fd == channel.reads:
                self.take()
        return True

    def take(self):
        header, parts = channel.receive()
        if header["op"] == "input":
            if self.pipe is not None:
                self.waiting += parts["data"]
        elif header["op"] == "eof":
            self.ended = True
        elif header["op"] == "ack":
            self.acknowledged.release()

    def fill(self):
        try:
            n = os.write(self.pipe, self.waiting)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            channel.send({"op": "closed"})
            return
        del self.waiting[:n]
        before = max(self.counted, 0)
        self.counted += n
        if self.counted > before:
            channel.send({"op": "taken", "bytes": self.counted - before})

    def close(self):
        if self.pipe is not None:
            os.close(self.pipe)
        self.pipe = None
        self.waiting.clear()

    def stop(self):
        os.write(self.wake, b"x")
        self.over.acquire()
        self.close()
        os.close(self.wake)
        os.close(self.awake)


# Displays.

FORMS = (
    ("_repr_html_", "text/html"), ("_repr_markdown_", "text/markdown"), ("_repr_latex_", "text/latex"),
    ("_repr_svg_", "image/svg+xml"), ("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg"),
    ("_repr_json_", "application/json"), ("_repr_javascript_", "application/javascript"),
    ("_repr_pdf_", "application/pdf"),
)


PLAIN = frozenset((int, float, complex, bool, str, bytes, list, tuple, dict, set, frozenset, type(None)))


def encoded(text):
    return text.encode("utf-8", "backslashreplace")


def shortened(data, limit=MAX_TEXT):
    """The beginning of UTF-8 text, whole characters."""
    if len(data) <= limit:
        return data
    return data[:limit].decode("utf-8", "ignore").encode()


class Long(Exception):
    pass


def pieces(value, depth, within):
    """The repr of plain containers, piece by piece."""
    kind = type(value)
    if kind is str or kind is bytes:
        yield repr(value[:MAX_TEXT + 1])
        return
    marks = {list: "[]", tuple: "()", dict: "{}", set: "{}"}.get(kind)
    if marks is None or not value or depth > 20 or kind.__repr__ is object.__repr__:
        yield repr(value)
        return
    if id(value) in within:
        yield marks[0] + "..." + marks[1]
        return
    within.add(id(value))
    yield marks[0]
    first = True
    for item in list(value.items()) if kind is dict else value:
        if not first:
            yield ", "
        first = False
        if kind is dict:
            yield from pieces(item[0], depth + 1, within)
            yield ": "
            item = item[1]
        yield from pieces(item, depth + 1, within)
    yield ",)" if kind is tuple and len(value) == 1 else marks[1]
    within.discard(id(value))


def plain(value):
    """The repr of a value, as far as it is wanted, and whether there is more."""
    if type(value) in (list, tuple, dict, set, str, bytes):
        parts, size = [], 0
        for piece in pieces(value, 0, set()):
            parts.append(piece)
            size += len(piece)
            if size > MAX_TEXT:
                break
        data = encoded("".join(parts))
    else:
        data = encoded(repr(value))
    return shortened(data), len(data) > MAX_TEXT


def as_bytes(kind, data):
    """What a form gave, as the bytes of its type, or None."""
    if isinstance(data, tuple) and len(data) == 2 and isinstance(data[1], dict):
        data = data[0]  # the other is about it
    if data is None:
        return None
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    if isinstance(data, str):
        if kind in ("image/png", "image/jpeg", "application/pdf", "image/gif", "image/webp"):
            import base64
            return base64.b64decode(data)
        return encoded(data)
    return encoded(json.dumps(data))


def method_of(value, name):
    """A method that the class of a value has: some objects answer to any name."""
    if isinstance(value, type) or getattr(type(value), name, None) is None:
        return None
    method = getattr(value, name, None)
    return method if callable(method) else None


def is_figure(value):
    pyplot = sys.modules.get("matplotlib.figure")
    return pyplot is not None and isinstance(value, pyplot.Figure)


def forms(value):
    """All forms of a value but the plain text: [(type, bytes)]."""
    if type(value) in PLAIN:
        return []
    found = {}
    if is_figure(value):
        found["image/png"] = picture(value)
    whole = method_of(value, "_repr_mimebundle_")
    if whole:
        try:
            try:
                bundle = whole(include=None, exclude=None)
            except TypeError:
                bundle = whole()
            if isinstance(bundle, tuple):
                bundle = bundle[0]
            for kind, data in (bundle or {}).items():
                found[str(kind)] = as_bytes(kind, data)
        except NotImplementedError:
            pass
        except Exception:
            complain()
    for name, kind in FORMS:
        method = method_of(value, name)
        if method and kind not in found:
            try:
                found[kind] = as_bytes(kind, method())
            except NotImplementedError:
                pass
            except Exception:
                complain()
    return [(kind, data) for kind, data in found.items() if data is not None]


def complain():
    """Says on stderr what a form raised: the others are shown all the same."""
    print(described(sys.exc_info()[1])[2], end="", file=sys.stderr)


def fitting(shown):
    """Leaves out what is too long, and says whether something was."""
    parts, size, cut = [], 0, False
    for kind, data in shown:
        if size + len(data) > MAX_DISPLAY:
            cut = True
            continue
        size += len(data)
        parts.append(("mime", kind, data))
    return parts, cut


def show(shown):
    """Sends a display, [(type, bytes)], and waits until it has its place."""
    parts, cut = fitting(shown)
    if state.child or not state.in_cell:
        return say(shown)
    with shield:
        with displaying:
            if not state.in_cell:
                return say(shown)
            state.displays += 1
            if state.displays > MAX_DISPLAYS:
                state.cut = True
                return
            state.number += 1
            flush()
            header = {"op": "display", "n": state.number}
            if cut:
                header["cut"] = True
            channel.send(header, parts)
            if state.pump:
                state.pump.acknowledged.acquire()
                return
            while channel.receive()[0] != {"op": "ack", "n": state.number}:
                pass


def say(shown):
    """Prints the text of a display where there is no cell to show it in."""
    for kind, data in shown:
        if kind == "text/plain":
            print(data.decode("utf-8", "replace"))


displaying = _thread.allocate_lock()


def display(*values, include=None, exclude=None, raw=False, display_id=None, **_):
    """Shows values in their richest forms, in their place among the output.

    A value may have methods _repr_html_, _repr_png_, _repr_mimebundle_ and so on,
    as for notebooks. With raw=True each is a dict {MIME type: data}.
    """
    for value in values:
        if raw:
            shown = [(str(kind), as_bytes(kind, data)) for kind, data in value.items()]
        else:
            shown = forms(value)
            if "text/plain" not in (kind for kind, _ in shown):
                shown.append(("text/plain", plain(value)[0]))
        show([
            (kind, data) for kind, data in shown
            if data is not None and (include is None or kind in include) and (exclude is None or kind not in exclude)])
    return Handle() if display_id else None


class Handle:
    """What display(…, display_id=…) returns; an update is another display."""
    display_id = None

    def display(self, value, **options):
        display(value, **options)

    update = display


# matplotlib.

def picture(figure):
    file = io.BytesIO()
    if getattr(figure, "canvas", None) is None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        FigureCanvasAgg(figure)
    figure.canvas.print_figure(
        file, format="png", dpi=figure.dpi, facecolor=figure.get_facecolor(), edgecolor=figure.get_edgecolor(), bbox_inches="tight")
    return file.getvalue()


def show_figures(*_, **__):
    """Shows the open figures of pyplot and closes them."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is None or state.child:
        return
    managers = helpers.Gcf.get_all_fig_managers()
    try:
        for manager in managers:
            figure = manager.canvas.figure
            show([("image/png", picture(figure)), ("text/plain", plain(figure)[0])])
    finally:
        if managers:
            sys.modules["matplotlib.pyplot"].close("all")


def close_figure(value):
    """The figure that is a cell's value has been shown by that."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and is_figure(value):
        pyplot.close(value)


BACKEND = '''
from matplotlib.backend_bases import FigureManagerBase as FigureManager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
from codebeaker_kernel import show_figures as show
'''

# What stands for IPython.display where there is none.

DISPLAY = '''
"""Shows things, without IPython."""
from codebeaker_kernel import Handle as DisplayHandle, display


class DisplayObject:
    form = None

    def __init__(self, data=None, url=None, filename=None, metadata=None, **options):
        if filename is not None:
            with open(filename, "rb") as file:
                data = file.read()
        elif url is not None or isinstance(data, str) and data.startswith(("http://", "https://")):
            raise ValueError("an address is not fetched: give the data or a file")
        if isinstance(data, bytes) and self.form.startswith("text/"):
            data = data.decode()
        self.data, self.metadata = data, metadata

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.form: self.data}

    def __repr__(self):
        return "<IPython.core.display.%s object>" % type(self).__name__


class HTML(DisplayObject):
    form = "text/html"

    def _repr_html_(self):
        return self.data


class Markdown(DisplayObject):
    form = "text/markdown"


class Latex(DisplayObject):
    form = "text/latex"


class Math(Latex):
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.form: "$\\\\displaystyle %s$" % self.data.strip("$")}


class Pretty(DisplayObject):
    form = "text/plain"


TextDisplayObject = Pretty


class Code(Pretty):
    pass


class SVG(DisplayObject):
    form = "image/svg+xml"


class JSON(DisplayObject):
    form = "application/json"


class Javascript(DisplayObject):
    form = "application/javascript"


class Image(DisplayObject):
    form = "image/png"

    def __init__(self, data=None, url=None, filename=None, format=None, **options):
        if isinstance(data, str):
            filename, data = data, None
        super().__init__(data, url, filename, **options)
        if format in ("jpg", "jpeg") or self.data[:2] == b"\\xff\\xd8":
            self.form = "image/jpeg"
        elif format == "gif" or self.data[:4] == b"GIF8":
            self.form = "image/gif"
        elif format == "webp" or self.data[8:12] == b"WEBP":
            self.form = "image/webp"


class IFrame:
    def __init__(self, src, width, height, **options):
        self.src, self.width, self.height = src, width, height

    def _repr_html_(self):
        return \'<iframe width="%s" height="%s" src="%s" frameborder="0" allowfullscreen></iframe>\' % (
            self.width, self.height, self.src)


def clear_output(wait=False):
    """Does nothing: what was printed has been delivered."""


def update_display(value, *, display_id=None, **options):
    display(value, **options)


def publish_display_data(data, metadata=None, **options):
    display(data, raw=True)


def display_html(*values, raw=False, **options):
    display(*[{"text/html": v} for v in values] if raw else values, raw=raw)


def display_markdown(*values, raw=False, **options):
    display(*[{"text/markdown": v} for v in values] if raw else values, raw=raw)


def set_matplotlib_formats(*formats, **options):
    """Does nothing: figures are PNG."""
'''

IPYTHON = '''
version_info = (0, 0, 0)
__version__ = "0.0.0"
__path__ = []


def get_ipython():
    return None
'''

MODULES = {
    "IPython": IPYTHON, "IPython.display": DISPLAY, "IPython.core": "__path__ = []", "IPython.core.display": DISPLAY,
    "codebeaker_backend": BACKEND,
}


class Modules:
    """Finds the modules above where no others of these names are."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in MODULES:
            from importlib.machinery import ModuleSpec
            return ModuleSpec(name, Modules, is_package="__path__" in MODULES[name])
        return None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        exec(compile(MODULES[module.__name__], HERE, "exec"), module.__dict__)


class Changed:
    """Changes modules as they are loaded."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        around = CHANGES.get(name)
        if around is None:
            return None
        for finder in sys.meta_path:
            if finder is not Changed and finder is not Modules and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None and spec.loader is not None:
                    load = spec.loader.exec_module
                    spec.loader.exec_module = lambda module: around(module, load)
                    return spec
        return None


def with_backend(module, load):
    """Has matplotlib begin with our backend. Programs that cells start keep theirs."""
    if os.environ.get("MPLBACKEND"):
        return load(module)
    os.environ["MPLBACKEND"] = "module://codebeaker_backend"
    try:
        load(module)
    finally:
        os.environ.pop("MPLBACKEND", None)


def with_display(module, load):
    """Has IPython display as we do."""
    load(module)
    if hasattr(module, "display"):
        module.display, module.publish_display_data = display, publish


def publish(data, metadata=None, **_):
    display(data, raw=True)


CHANGES = {"matplotlib": with_backend, "IPython.core.display_functions": with_display, "IPython.core.display": with_display}


# Magics.

class UsageError(Exception):
    """A magic that is not known or was not given what it needs."""


def expanded(command):
    """Puts values of variables in the place of {expression} and $name."""
    def value(match):
        try:
            return str(eval(match.group(1), user))
        except Exception:
            return match.group(0)

    def variable(match):
        return str(user[match.group(1)]) if match.group(1) in user else match.group(0)

    return re.sub(r"\$([A-Za-z_]\w*)", variable, re.sub(r"(?<!\$)\{([^{}]+)\}", value, command))


class Magics:
    """The commands that begin with % or ! and are no Python."""

    def system(self, command):
        import subprocess
        flush()
        user["_exit_code"] = subprocess.run(expanded(command), shell=True).returncode

    def getoutput(self, command):
        import subprocess
        flush()
        done = subprocess.run(expanded(command), shell=True, stdout=subprocess.PIPE)
        user["_exit_code"] = done.returncode
        return done.stdout.decode("utf-8", "replace").splitlines()

    def script(self, program, text):
        import subprocess
        flush()
        user["_exit_code"] = subprocess.run([*program, "-c", text]).returncode

    def line(self, name, argument):
        return getattr(self, "do_" + name)(argument.strip())

    def help(self, name):
        value = eval(name, user)
        import inspect
        try:
            print(name + str(inspect.signature(value)))
        except (TypeError, ValueError):
            print(name + ":", plain(value)[0].decode())
        print(inspect.getdoc(value) or "no documentation")

    def do_pip(self, argument):
        print(
            "%pip does nothing here. A package is installed by `!pip install --user NAME`, or by a command of the session, "
            "where the session has a network; best is an image that has it.", file=sys.stderr)

    do_conda = do_mamba = do_pip

    def do_matplotlib(self, argument):
        """Ignored: figures are shown as in a notebook."""

    do_config = do_pylab = do_matplotlib

    def do_env(self, argument):
        if not argument:
            return dict(os.environ)
        name, equals, value = argument.partition("=")
        if not equals:
            name, equals, value = argument.partition(" ")
        if not equals:
            if name not in os.environ:
                raise UsageError("the variable %s is not set" % name)
            return os.environ[name]
        os.environ[name.strip()] = expanded(value.strip())

    do_set_env = do_env

    def do_cd(self, argument):
        os.chdir(os.path.expanduser(expanded(argument.strip("'\"")) or "~"))

    def do_pwd(self, argument):
        return os.getcwd()

    def do_time(self, argument):
        with Clock():
            return evaluated(argument)

    def do_timeit(self, argument, setup="pass"):
        import timeit
        options, number, repeat = re.match(r"(?:-[nr] *\d+ +)*", argument + " "), 0, 7
        for option, count in re.findall(r"-([nr]) *(\d+)", options.group()):
            if option == "n":
                number = int(count)
            else:
                repeat = max(1, int(count))
        timer = timeit.Timer(argument[options.end():].strip() or "pass", setup, globals=user)
        number = number or timer.autorange()[0]
        runs = [run / number for run in timer.repeat(repeat, number)]
        mean = sum(runs) / len(runs)
        deviation = (sum((run - mean) ** 2 for run in runs) / len(runs)) ** 0.5
        print("%s ± %s per loop (mean ± std. dev. of %d runs, %s loops each)" % (
            in_units(mean), in_units(deviation), repeat, format(number, ",")))


class Clock:
    """Prints how long what is within took."""

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *_):
        cpu, wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
        print("CPU times: %s\nWall time: %s" % (in_units(cpu), in_units(wall)))


def in_units(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return "%.3g %s" % (seconds / size, unit)
    return "%.3g ns" % (seconds * 1e9)


def evaluated(text):
    """Runs the text of a magic and returns its last value."""
    return execute(*compiled(parsed(text, "<magic>"), text, "<magic>"))


def cell_magic(text):
    """A cell that begins with %%: (what runs it, text) or None."""
    first, _, rest = text.partition("\n")
    name, _, argument = first[2:].strip().partition(" ")
    if name == "time":
        return "time", "\n" + rest
    if name == "timeit":
        return "run", "_codebeaker_.do_timeit(%r, %r)" % (rest, argument.strip() or "pass")
    if name in ("bash", "sh", "script"):
        import shlex
        program = argument.strip() if name == "script" else name
        return "run", "_codebeaker_.script(%r, %r)" % (shlex.split(program), rest)
    if name in ("writefile", "file"):
        return "run", "print('Wrote', open(%r, 'w').write(%r), 'characters')" % (argument.strip(), rest)
    kind = {
        "html": "text/html", "HTML": "text/html", "markdown": "text/markdown", "latex": "text/latex",
        "svg": "image/svg+xml", "SVG": "image/svg+xml", "javascript": "application/javascript", "js": "application/javascript",
    }.get(name)
    if kind:
        return "run", "display({%r: %r}, raw=True)" % (kind, rest)
    return None


MAGIC = re.compile(r"^(\s*)((?:[\w, .\[\]]+=\s*)?)([%!]{1,2}|\?{1,2})(.*)$")
ASKED = re.compile(r"^\s*([\w.]+)\?{1,2}\s*$")


def without_magic(line):
    """The line as Python, None where it is no magic; raises for one not known."""
    asked = ASKED.match(line)
    match = MAGIC.match(line)
    if asked or match and match.group(3)[0] == "?":
        name = asked.group(1) if asked else match.group(4).strip()
        return "_codebeaker_.help(%r)" % name
    if not match:
        return None
    indent, target, mark, rest = match.groups()
    if mark[0] == "!":
        call = "getoutput" if target or mark == "!!" else "system"
        return "%s%s_codebeaker_.%s(%r)" % (indent, target, call, rest)
    name, _, argument = rest.strip().partition(" ")
    if mark != "%" or not re.match(r"^[A-Za-z_]\w*$", name):
        return None
    if not hasattr(Magics, "do_" + name):
        raise UsageError(
            "the magic %%%s is not known here. IPython knows more of them: `pip install ipython` installs it" % name)
    return "%s%s_codebeaker_.line(%r, %r)" % (indent, target, name, argument)


def ipython(text):
    """The text as IPython would have it, None where there is no IPython."""
    if state.shell is None:
        if getattr(sys.modules.get("IPython"), "version_info", None) == (0, 0, 0):
            for name in [n for n in MODULES if n.startswith("IPython")]:
                sys.modules.pop(name, None)
        sys.meta_path.remove(Modules)
        try:
            from IPython.core.interactiveshell import InteractiveShell
            from traitlets.config import Config
        except ImportError:
            return None
        finally:
            sys.meta_path.append(Modules)
        config = Config()
        config.HistoryManager.enabled = False
        ours = {name: user[name] for name in ("display", "exit", "quit") if name in user}
        shell = InteractiveShell.instance(config=config, user_module=main, user_ns=user)
        user.update(ours)
        builtins.get_ipython = shell.get_ipython
        shell.display_pub.publish = publish
        state.shell = shell
    return state.shell.transform_cell(text)


# Cells.

def parsed(text, name):
    return compile(text, name, "exec", ONLY_AST | state.flags, True)


def parse(text, name):
    """The tree of a cell and its text, without the magics."""
    for _ in range(text.count("\n") + 2):
        try:
            return parsed(text, name), text
        except SyntaxError as error:
            if not isinstance(error.lineno, int):
                raise
            lines = text.split("\n")
            if not 0 < error.lineno <= len(lines):
                raise
            line = without_magic(lines[error.lineno - 1])
            if line is None:
                raise
            lines[error.lineno - 1] = line
            text = "\n".join(lines)
    return parsed(text, name), text


def compiled(tree, text, name):
    """The code of the statements, and of the expression at the end or None."""
    last = None
    if tree.body and isinstance(tree.body[-1], _ast.Expr) and not hidden(tree.body[-1], text):
        last = _ast.Expression(tree.body.pop().value)
        last = compile(last, name, "eval", state.flags, True)
    code = compile(tree, name, "exec", state.flags, True)
    state.flags |= code.co_flags & FUTURE
    return code, last


def hidden(statement, text):
    """Whether a semicolon follows the last statement."""
    lines = text.split("\n")[statement.end_lineno - 1:]
    lines[0] = lines[0].encode()[statement.end_col_offset:].decode()
    return "\n".join(lines).lstrip(" \t\f\\\n").startswith(";")


def execute(code, last):
    """Runs the code and returns the value of the last expression."""
    if code.co_flags & COROUTINE or last is not None and last.co_flags & COROUTINE:
        return in_loop(code, last)
    exec(code, user)
    return None if last is None else eval(last, user)


async def awaited(code, last):
    value = None
    for part in (code, last):
        if part is not None:
            value = eval(part, user)
            if part.co_flags & COROUTINE:
                value = await value
    return value if last is not None else None


def event_loop():
    import asyncio
    if state.loop is None or state.loop.is_closed():
        state.loop = asyncio.new_event_loop()
    asyncio.set_event_loop(state.loop)
    return state.loop


def in_loop(code, last):
    """Runs code with a top-level await in the loop that all cells share."""
    import asyncio
    loop = event_loop()
    task = loop.create_task(awaited(code, last))
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt as interrupt:
        if task.done():
            raise
        task.cancel()
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError as cancelled:
            raise interrupt.with_traceback(cancelled.__traceback__) from None
        raise interrupt from None


def remember(name, text):
    """Makes the lines of a cell known to tracebacks and inspect."""
    import linecache
    if len(text) > KEPT_SOURCE:
        return
    lines = [line + "\n" for line in text.split("\n")]
    linecache.cache[name] = (len(text), None, lines, name)
    if name in state.sources:
        state.sources.remove(name)
    state.sources.append(name)
    while len(state.sources) > KEPT_SOURCES:
        linecache.cache.pop(state.sources.pop(0), None)


def run_text(text, name):
    """Runs a cell and returns its last value."""
    timed = False
    if text.lstrip().startswith("%%"):
        magic = cell_magic(text.lstrip())
        if magic is None:
            other = ipython(text)
            if other is None:
                raise UsageError(
                    "the magic %s is not known here. IPython knows more of them: `pip install ipython` installs it"
                    % text.split(None, 1)[0])
            text = other
        else:
            timed, text = magic[0] == "time", magic[1]
    try:
        tree, text = parse(text, name)
    except UsageError:
        other = ipython(text)
        if other is None:
            raise
        text = other
        tree = parsed(text, name)
    code = compiled(tree, text, name)
    del tree
    if timed:
        with Clock():
            return execute(*code)
    return execute(*code)


def cleaned(error, seen):
    """Takes our frames, and those of asyncio below the cell, out of tracebacks."""
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames, at = [], error.__traceback__
        while at is not None:
            frames.append(at)
            at = at.tb_next
        files = [frame.tb_frame.f_code.co_filename for frame in frames]
        first = next((i for i, file in enumerate(files) if file.startswith("<cell ")), None)
        keep = [
            frame for i, frame in enumerate(frames)
            if files[i] != HERE and (first is None or i >= first or "asyncio" not in files[i])]
        for frame, after in zip(keep, keep[1:] + [None]):
            frame.tb_next = after
        error.__traceback__ = keep[0] if keep else None
        for other in (error.__cause__, *(getattr(error, "exceptions", None) or ())):
            if isinstance(other, BaseException):
                cleaned(other, seen)
        error = error.__context__


def described(error):
    """The name, the message and the traceback of an exception."""
    kind = type(error)
    try:
        message = str(error)
    except Exception:
        message = "<the exception's text could not be made>"
    try:
        import traceback
        cleaned(error, set())
        whole = "".join(traceback.format_exception(kind, error, error.__traceback__))
    except Exception as failed:
        whole = "%s: %s\n(the traceback could not be made: %s)\n" % (kind.__name__, message, type(failed).__name__)
    return kind.__name__, message, whole


class Outcome:
    value = None  # (text, cut, [(type, bytes)])
    error = None
    exit = None

    def take(self, error):
        if isinstance(error, SystemExit):
            self.exit = error
        else:
            self.error = error


def guarded(what, outcome):
    """Runs what may be interrupted, and keeps what it raises."""
    try:
        try:
            state.running = True
            what()
            state.running = False
        except BaseException as error:
            state.running = False
            outcome.take(error)
    except KeyboardInterrupt as error:  # which came while the first was being kept
        state.running = False
        outcome.take(error)
    state.shielded, state.pending = 0, False


def run_cell(header, parts):
    name = "<cell %d>" % header["cell"]
    outcome = Outcome()
    usage = used()
    state.interrupted = state.displays = 0
    state.cut = False
    if _signal.getsignal(_signal.SIGINT) is not on_interrupt:
        signal.signal(signal.SIGINT, on_interrupt)
    set_up_streams()
    stdin = header.get("stdin")
    if stdin == "open":
        state.pump = Pump(parts.get("stdin", b""))
    elif stdin == "given":
        given_input(parts.get("stdin", b""))
    elif state.input or getattr(sys.stdin, "closed", True):
        no_input()
    state.input = stdin in ("open", "given")
    state.in_cell = True

    def whole():
        os.environ.update(header.get("env", {}))
        for finder in sys.path_importer_cache.values():  # for modules written meanwhile
            if hasattr(finder, "invalidate_caches"):
                finder.invalidate_caches()
        text = parts["code"].decode().replace("\r\n", "\n").replace("\r", "\n")
        remember(name, text)
        if "\0" in text:
            raise SyntaxError("source code cannot contain null bytes", (name, 1, 1, None))
        if state.loop is not None:
            event_loop()
        value = run_text(text, name)
        del text
        if value is not None:
            builtins._ = value
            shown = forms(value)
            close_figure(value)
            outcome.value = (*plain(value), shown)

    guarded(whole, outcome)
    if state.child:
        end_child(outcome)
    if "matplotlib.pyplot" in sys.modules:
        after = Outcome()
        guarded(show_figures, after)
        outcome.error = outcome.error or after.error
    answer, parts = {"op": "result", "id": header["id"], "status": "ok"}, []
    cut = []
    if outcome.error is not None:
        told = Outcome()

        def tell():
            told.value = described(outcome.error)

        import traceback as _
        __import__("traceback")  # here nothing interrupts it
        for _ in range(3):  # an interrupt that is sent again may meet this, and what the user's code has to say
            guarded(tell, told)
            if told.value:
                break
        kind, message, traceback = told.value or (type(outcome.error).__name__, "", "")
        answer.update(status="exception", exceptionName=kind[:200])
        if isinstance(outcome.error, KeyboardInterrupt) and state.interrupted:
            answer["interrupted"] = True
        message, traceback = encoded(message), encoded(traceback)
        if len(message) > MAX_TEXT:
            cut.append("message")
        if len(traceback) > MAX_TEXT:
            cut.append("traceback")
            traceback = (
                shortened(traceback, 24 << 10) + b"\n  [...]\n" +
                traceback[-(36 << 10):].decode("utf-8", "ignore").encode())
        parts += [("message", None, shortened(message)), ("traceback", None, traceback)]
        sys.last_type, sys.last_value, sys.last_traceback = type(outcome.error), outcome.error, outcome.error.__traceback__
    elif outcome.exit is not None:
        answer.update(status="exit", exit=exit_code(outcome.exit))
    elif outcome.value is not None:
        text, long, shown = outcome.value
        if long:
            cut.append("value")
        parts.append(("value", None, text))
        if shown:
            if "text/plain" not in (kind for kind, _ in shown):
                shown.append(("text/plain", text))
            shown, long = fitting(shown)
            parts += shown
            if long:
                cut.append("forms")
    del outcome
    set_up_streams()
    with displaying:  # one that a thread shows comes first
        state.in_cell = False
        if state.pump:
            state.pump.stop()
            state.pump = None
        flush()
        if state.cut:
            cut.append("displays")
        if cut:
            answer["cut"] = cut
        answer["cpuMs"] = round(1000 * (used() - usage), 3)
        channel.send(answer, parts)


def exit_code(error):
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def end_child(outcome):
    """Ends a fork of the kernel that has run the rest of the cell."""
    code = 0
    try:
        if outcome.error is not None:
            print(described(outcome.error)[2], end="", file=sys.stderr)
            code = 1
        elif outcome.exit is not None:
            code = exit_code(outcome.exit)
        flush()
    finally:
        os._exit(code)


def used():
    """Processor time in seconds, with that of children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def leave(code=None):
    """Ends the cell, with an exit code. The kernel stays."""
    raise SystemExit(code)


# The zygote.

WARM = "linecache", "traceback", "asyncio", "inspect"


class Zygote:
    """The parent of the process that runs cells.

    It is there before them, with what is imported for all, and makes another when
    one has ended: what is said of an end is what the system says. No signal but
    that of a child's end reaches it, and it sleeps while cells run."""

    def __init__(self, asked):
        self.mark, self.imports = asked.get("mark"), asked.get("imports", ())

    def run(self):
        """Returns in each child; or at once, where there is no zygote."""
        import gc
        self.signals = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {signal.SIGCHLD})
        imported = self.import_all()
        if not self.mark or not adopt_orphans():
            signal.pthread_sigmask(signal.SIG_SETMASK, self.signals)
            return
        self.control = above(os.dup(0))
        no_input()
        self.awake, self.wake = os.pipe()
        os.set_blocking(self.wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        ready["zygote"] = True
        for name in WARM if imported else WARM[:1]:  # the first every cell needs
            __import__(name)
        gc.collect()
        gc.freeze()
        life = 0
        while True:
            self.child = fork()
            if not self.child:
                return self.begin()
            self.status, self.asked = None, False
            self.watch(life)
            life += 1
            killed = os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL
            if not self.end_tree() or killed and not self.asked:
                os.kill(os.getpid(), signal.SIGKILL)  # whether memory was short the server finds out by our end
            self.tell()

    def import_all(self):
        failed = []
        for name in self.imports:
            try:
                __import__(name)
            except Exception:
                failed.append(name)
        if failed:
            ready["failed"] = failed
        return len(failed) < len(self.imports)

    def begin(self):
        """Makes this process, a child, one that runs cells."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in (self.control, self.awake, self.wake):
            os.close(fd)
        random = sys.modules.get("numpy.random")
        if random is not None:
            random.seed()  # else all children draw the same
        site = sys.modules.get("site")
        if site is not None and site.ENABLE_USER_SITE:
            packages = site.getusersitepackages()
            if packages not in sys.path and os.path.isdir(packages):  # installed meanwhile
                site.addsitedir(packages)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.signals)

    def watch(self, life):
        """Waits for the end of the child, and ends it when the server says so."""
        poll = select.poll()
        poll.register(self.awake, select.POLLIN)
        poll.register(self.control, select.POLLIN)
        while self.status is None:
            for fd, _ in poll.poll():
                if fd == self.awake:
                    os.read(fd, 4096)
                    self.reap()
                    continue
                words = os.read(fd, 4096)
                if not words:
                    poll.unregister(fd)
                elif str(life).encode() in words.split():
                    self.asked = True
                    os.kill(self.child, signal.SIGKILL)

    def reap(self):
        """Reaps what has ended; false when nobody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.child:
                self.status = status

    def end_tree(self):
        """Ends what the child has left, and reports whether it is gone."""
        end = time.monotonic() + 0.5
        while self.reap():
            for pid in children():
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            if time.monotonic() > end:
                return False
            time.sleep(0.0005)
        return True

    def tell(self):
        """Tells the end, behind a mark, and reads until the server's."""
        mark = json.dumps({"op": "anew", "mark": self.mark}, separators=(",", ":")).encode()
        mark = len(mark).to_bytes(4, "little") + bytes(4) + mark
        how = {"signal": os.WTERMSIG(self.status)} if os.WIFSIGNALED(self.status) else {"exit": os.WEXITSTATUS(self.status)}
        channel.send({"op": "ended", **how}, before=mark)
        seen = b""
        while mark not in seen:
            more = os.read(channel.reads, 1 << 16)
            if not more:
                os._exit(0)
            seen = seen[-len(mark):] + more


def adopt_orphans():
    """Makes this process the parent of what its descendants leave, prctl(2)."""
    try:
        import _ctypes
        prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")
        return _ctypes.call_function(prctl, (36, 1, 0, 0, 0)) == 0  # PR_SET_CHILD_SUBREAPER
    except Exception:
        return False


def fork():
    import warnings
    flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that of threads, which modules have
        return os.fork()


def children():
    """The processes whose parent this one is."""
    me = os.getpid()
    try:
        with open("/proc/self/task/%d/children" % me) as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        pass
    found = []
    for name in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % name) as file:
                if int(file.read().rpartition(")")[2].split()[1]) == me:
                    found.append(int(name))
        except (OSError, ValueError, IndexError):
            pass
    return found


def warm():
    """Does beforehand what the first cells need, as long as none has come."""
    poll = select.poll()
    poll.register(channel.reads, select.POLLIN)
    for what in WARM:
        if poll.poll(20 if what == WARM[0] else 0):
            return
        __import__(what)
    if not poll.poll(0):
        try:
            exec(*compiled(parsed("1 / 0;", "<cell 0>"), "1 / 0;", "<cell 0>")[:1], {})
        except ZeroDivisionError as error:
            described(error)


def loop():
    while True:
        header, parts = channel.receive()
        if header["op"] == "run":
            run_cell(header, parts)
            del parts


channel = Channel()
state.input = False
faulthandler.enable()
signal.signal(signal.SIGINT, on_interrupt)
sys.argv = [""]
if not sys.path or sys.path[0] != "":
    sys.path.insert(0, "")
sys.meta_path.insert(0, Changed)
sys.meta_path.append(Modules)
for _name, _fd in ("stdout", 1), ("stderr", 2):
    _stream = getattr(sys, _name)
    if _stream is not None and not isinstance(_stream.buffer, io.BufferedWriter):
        _stream = text_stream(_fd, "<%s>" % _name)  # python was told not to buffer: it writes words, not lines
        setattr(sys, _name, _stream)
        setattr(sys, "__%s__" % _name, _stream)
    if _stream is not None:
        if (_stream.encoding or "").lower().replace("-", "") != "utf8":
            _stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        _stream.reconfigure(line_buffering=True)
builtins.display = display
builtins.exit = builtins.quit = leave
builtins._codebeaker_ = Magics()
ready = {"op": "ready", "versions": {"python": "%d.%d.%d" % sys.version_info[:3]}}
Zygote(json.loads(loaded.decode())).run()
os.register_at_fork(before=before_fork, after_in_child=after_fork)
channel.send(ready)
warm()
loop()
