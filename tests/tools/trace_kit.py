"""trace_kit.py -- for the tests of gcmalloc trace; to be imported."""
import os
import subprocess
import sys

BUILD = os.environ["GCMTEST_BUILDDIR"]
COMMAND = os.path.join(BUILD, "tools", "gcmalloc")
failed = False

if not os.access(COMMAND, os.X_OK):
    sys.exit(77)
os.environ.pop("LD_PRELOAD", None)


def fail(*words):
    global failed
    print(*words)
    failed = True


def equal(what, is_, wanted, within=0):
    if abs(is_ - wanted) > within if within else is_ != wanted:
        fail("%s: %r, not %r" % (what, is_, wanted))


def run(*arguments, data=None, status=0):
    """What `gcmalloc trace ARGUMENTS` prints; its complaints in run.err."""
    done = subprocess.run([COMMAND, "trace", *arguments], input=data,
                          stdin=None if data is not None else subprocess.DEVNULL,
                          capture_output=True, timeout=120)
    run.err = done.stderr.decode(errors="replace")
    if done.returncode != status:
        fail("%s: status %d, not %d: %s" % (arguments, done.returncode, status,
                                            run.err))
    return done.stdout.decode()


def finish():
    sys.exit(failed)
