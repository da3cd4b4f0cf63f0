# Runs one of CPython's test modules. It prints a line for each test on standard
# output: pass, fail or skip, a tab, the test; and at last "end". What the tests
# themselves print goes to standard error.
import faulthandler, importlib, os, sys, tempfile, unittest

out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
os.chdir(tempfile.mkdtemp(dir="."))
faulthandler.dump_traceback_later(int(sys.argv[2]), exit=True)

from test import support

# Servers on the loopback interface count as a network there; nothing that needs
# much time or memory.
support.use_resources = ["network"]


class Lines(unittest.TestResult):
    def line(self, outcome, test):
        print(outcome, test.id().splitlines()[0], sep="\t", file=out)

    def addSuccess(self, test):
        self.line("pass", test)

    def addFailure(self, test, err):
        self.line("fail", test)
        print(self._exc_info_to_string(err, test), file=sys.stderr)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(test, err)

    def addSkip(self, test, reason):
        self.line("skip", test)

    def addExpectedFailure(self, test, err):
        self.line("pass", test)

    def addUnexpectedSuccess(self, test):
        self.line("fail", test)


try:
    importlib.import_module("test." + sys.argv[1])
except ModuleNotFoundError as missing:  # this installation is without it
    sys.exit(str(missing))
except unittest.SkipTest:
    pass
try:
    unittest.defaultTestLoader.loadTestsFromName("test." + sys.argv[1]).run(Lines())
except unittest.SkipTest as reason:
    print("skip", sys.argv[1], sep="\t", file=out)
    print(reason, file=sys.stderr)
print("end", file=out)
out.flush()
os._exit(0)  # threads that tests left do not hold it
