#!/usr/bin/env python3
"""Set einlab up inside this folder and run it.

    python3 start.py demo          the main job on real input, about a minute
    python3 start.py test          the tests, a few minutes
    python3 start.py nox ARGS      any other session, such as: nox -s lint
    python3 start.py pythons       the Pythons found here that einlab runs on

Words after the command go to what it runs: python3 start.py test -k planning

It needs Python 3.11 or newer and the package index that pip is set to. All that it makes lies in
the folder .einlab beside this file; delete that to undo it. Ctrl-C stops it at any moment, and the
next call goes on from there. Exit status: 0 well, 1 failed, 2 wrong call, 130 interrupted.
"""
# In the syntax of Python 2.7: an old Python reads this file, says that it is old, and hands over.

from __future__ import print_function

import collections
import glob
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

try:
    from urllib.parse import urljoin
    from urllib.request import urlopen
except ImportError:  # Python 2, which only hands over
    urljoin = urlopen = None  # type: ignore[assignment]
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

OLDEST = (3, 11)
VERSIONS = ("3.13", "3.12", "3.11", "3.14", "3.15")  # those that the tests run on come first
NOX = "nox>=2025.10.14"
ROOT = os.path.dirname(os.path.abspath(__file__))
# Megabytes to download, and of disk with what pip keeps of them. Measured on Linux x86-64 on
# 2026-11-21: 307 and 1310 for the demo on Python 3.13, 335 and 1520 for the tests on 3.11.
MEGABYTES = {"demo": (330, 1400), "test": (350, 1600)}
PATIENCE = 4.0  # seconds without a line before one of ours appears
# Settings of pip that would send files elsewhere; of Python that would bring other packages in.
ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PYTHONPATH", "PYTHONHOME")
NO_PYTHON = """\
einlab needs Python 3.11 or newer with its module venv. This is Python {version} ({here}),
and no python3.11 or newer that works is on the PATH. Install one, and call again:
    Debian, Ubuntu: sudo apt install python3 python3-venv      Fedora: sudo dnf install python3.13
    macOS: brew install python@3.13"""
INDEX = "https://pypi.org/simple"  # pip's own default: where pip comes from if there is none here
NO_PIP = """\
{python} has neither pip nor ensurepip, no other Python here has pip 22.3 or newer, and
{index} offers none:
    Debian, Ubuntu: sudo apt install python3-venv      Fedora: sudo dnf install python3-pip"""
NO_NETWORK = """\
No network: the package index could not be reached.
    Check the connection, or set HTTPS_PROXY for a proxy, PIP_INDEX_URL for a mirror, PIP_CERT for a
    certificate of your own. Then call again: what has been downloaded is kept."""
NO_WHEEL = """\
No wheel: the package index has no ready-made {package} for Python {version} on {machine},
and nothing is compiled here.
    JAX ships wheels for Linux with glibc (x86-64, aarch64), macOS (Apple silicon) and Windows
    (x86-64); Python 3.11 to 3.13 are sure to have all. Call this script with one of those."""
DISK_FULL = """\
The disk is full: this needs about {needed} MB in {folder}, and {free} MB are free.
    Make room, or move this clone, and call again: what has been downloaded is kept."""
FORBIDDEN = """\
Not allowed: this user may not write in {folder}.
    Make a clone that belongs to you, and call this script there."""
# Read from the top: without a network pip also ends with "No matching distribution".
CAUSES = (
    (r"No space left on device|Errno 28\b|Disk quota exceeded|not enough space on", DISK_FULL),
    (r"name resolution|Name or service not known|nodename nor servname|getaddrinfo", NO_NETWORK),
    (
        r"NewConnectionError|ConnectTimeout|Read ?timed out|ReadTimeout|Connection ?Reset",
        NO_NETWORK,
    ),
    (r"Network is unreachable|No route to host|Connection refused|ProxyError", NO_NETWORK),
    (r"SSLError|CERTIFICATE_VERIFY_FAILED|onnection broken|HTTP error [45]\d\d", NO_NETWORK),
    (r"No matching distribution found for (?P<package>[\w.-]+)", NO_WHEEL),
    (r"Permission denied|Errno 13\b|Read-only file system", FORBIDDEN),
)


class Stop(Exception):
    """Set-up cannot go on; the text says why and what to do."""


def say(text):  # type: (str) -> None
    """Write a line in one piece, at once, even into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def answer(command, environ=None):
    # type: (list[str], collections.abc.Mapping[str, str] | None) -> str | None
    """What a command prints; None if it does not start or does not end well."""
    try:
        with open(os.devnull, "w") as nowhere:
            printed = subprocess.check_output(command, stderr=nowhere, env=environ)
    except (OSError, subprocess.CalledProcessError):
        return None  # a version manager's shim of a version that is switched off ends up here
    return printed.decode("utf-8", "replace").strip()


def version_of(python):  # type: (str) -> str | None
    """The version, such as '3.13', of an interpreter that starts and has venv, else None."""
    return answer([python, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"])


def pythons(environ, ask=version_of):
    # type: (collections.abc.Mapping[str, str], collections.abc.Callable[[str], str | None]) -> list[tuple[str, str]]
    """(version, path) of each Python that einlab runs on, on the PATH or of pyenv, best first."""
    folders = environ.get("PATH", "").split(os.pathsep)
    home = environ.get("PYENV_ROOT") or os.path.join(environ.get("HOME", ""), ".pyenv")
    found = []
    for version in VERSIONS:
        managed = sorted(glob.glob(os.path.join(home, "versions", version + "*", "bin")))
        for folder in folders + managed[::-1]:
            path = os.path.join(folder, "python" + version + (".exe" if os.name == "nt" else ""))
            if folder and os.access(path, os.X_OK) and ask(path) == version:
                found.append((version, path))
                break
    return found


def hand_over(words):  # type: (list[str]) -> int
    """Run this script again on a Python that is new enough; say so, or say that there is none."""
    here = "%d.%d" % sys.version_info[:2]
    found = pythons(os.environ)
    if not found:
        say(NO_PYTHON.format(version=here, here=sys.executable))
        return 1
    path = found[0][1]
    say("Python %s here; einlab needs 3.11 or newer, with venv: going on with %s" % (here, path))
    command = [path, os.path.abspath(__file__)] + words
    return subprocess.call(command) if os.name == "nt" else os.execv(path, command)


def key(root):  # type: (str) -> str
    """What the environments depend on, as one short text: pyproject.toml and noxfile.py."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "noxfile.py"):
        with open(os.path.join(root, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def stamp(root, environment, bundle):  # type: (str, str, str) -> str
    """The file that says, once an installation is complete, for which key it is."""
    return os.path.join(root, ".einlab", environment, "ready-" + bundle)


def holds(path, text):  # type: (str, str) -> bool
    """Whether a file is there and holds just this text."""
    with open(path if os.path.isfile(path) else os.devnull) as file:
        return file.read() == text


def inside(folder, name="python"):  # type: (str, str) -> str
    """A program of the environment in a folder."""
    if os.name == "nt":
        return os.path.join(folder, "Scripts", name + ".exe")
    return os.path.join(folder, "bin", name)


def surroundings(environ, folder):
    # type: (collections.abc.Mapping[str, str], str) -> dict[str, str]
    """The environment variables of all that runs: the user's, less what leads out of the folder."""
    ours = {name: text for name, text in environ.items() if name not in ELSEWHERE}
    ours.setdefault("PIP_CACHE_DIR", os.path.join(folder, "downloads"))
    ours.update(
        PIP_NO_INPUT="1",
        PIP_PROGRESS_BAR="off",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PYTHONUNBUFFERED="1",
        TMPDIR=os.path.join(folder, "tmp"),
        XDG_CACHE_HOME=os.path.join(folder, "cache"),
        EINLAB_CACHE_DIR=os.path.join(folder, "cache", "einlab"),
        MPLCONFIGDIR=os.path.join(folder, "cache", "matplotlib"),
    )
    return ours


def free_megabytes(folder):  # type: (str) -> int
    """Megabytes, 10^6 bytes each, free where a folder lies."""
    return shutil.disk_usage(folder).free // 10**6


def announce(folder, what, environ, free):
    # type: (str, str, collections.abc.Mapping[str, str], int) -> None
    """Say what will be downloaded, what disk it needs, how to undo it; refuse a full disk."""
    download, disk = MEGABYTES[what]
    say("Setting einlab up in %s; nothing else is touched." % folder)
    say("  downloads  up to %d MB, once: JAX, NumPy, SciPy, Numba and what they need" % download)
    say("  disk       up to %d MB of the %d MB that are free" % (disk, free))
    if environ["PIP_CACHE_DIR"].startswith(folder):
        say("  to undo    delete that folder")
    else:
        say("  to undo    delete that folder, and pip's cache in %s" % environ["PIP_CACHE_DIR"])
    say("  to stop    press Ctrl-C; the next call goes on from there")
    if free < disk:
        raise Stop(DISK_FULL.format(needed=disk, folder=folder, free=free))


def explain(lines, folder, room, version):
    # type: (collections.abc.Iterable[str], str, tuple[int, int], str) -> str
    """What failed output means, and a remedy; '' if unknown. Room: MB needed and MB free."""
    text = "\n".join(lines)
    facts = {"folder": folder, "needed": room[0], "free": room[1], "version": version}
    facts["machine"] = "%s %s" % (platform.system(), platform.machine())
    for pattern, sentence in CAUSES:
        match = re.search(pattern, text)
        if match:
            facts.update(match.groupdict())
            return sentence.format(**facts)
    return ""


def installing(lines):  # type: (collections.abc.Sequence[str]) -> list[str]
    """Of nox's output, the part of the installation that failed; [] if none did."""
    steps = [at for at, line in enumerate(lines) if re.search(r"^nox > .* -m (pip|virt)", line)]
    if not steps or not re.search(r"^nox > Command .* failed", lines[steps[-1]]):
        return []
    return list(lines[steps[-2] if len(steps) > 1 else 0 :])


def watch(command, environ, root, patience=PATIENCE):
    # type: (list[str], collections.abc.Mapping[str, str], str, float) -> tuple[int, list[str]]
    """Run a command in its own process group, pass its lines on, and fill silence.

    Returns its exit status and its last lines; an interruption of this script stops the group.
    """
    started = time.time()
    lines = collections.deque(maxlen=1000)  # type: collections.deque[str]
    last = [started]
    finished = threading.Event()

    def fill_silence():  # type: () -> None
        while not finished.wait(0.25):
            now = time.time()
            if now - last[0] >= patience:
                last[0] = now
                about = " ".join((lines[-1] if lines else " ".join(command)).split())
                say("  ... at work for %d s, last: %s" % (now - started, about[:70]))

    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(environ), cwd=root, encoding="utf-8", errors="replace", start_new_session=True,
        close_fds=False,  # the lock goes along: if this script is killed outright, it still holds
    )  # fmt: skip
    assert process.stdout is not None
    threading.Thread(target=fill_silence, daemon=True).start()
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            last[0] = time.time()
            say(lines[-1])
        return process.wait(), list(lines)
    finally:
        finished.set()
        end(process)
        process.stdout.close()


def end(process, waits=(10.0, 5.0, 5.0)):
    # type: (subprocess.Popen[str], tuple[float, float, float]) -> None
    """Stop a command and all that it started, gently first."""
    for name, seconds in zip(("SIGINT", "SIGTERM", "SIGKILL"), waits):
        if process.poll() is not None:
            return
        try:
            if os.name == "nt":
                process.terminate()
            else:
                os.killpg(process.pid, getattr(signal, name))
            process.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
            continue  # gone already, too slow, or asked again: the next signal is firmer


def fetch_pip(index, folder):  # type: (str, str) -> str
    """Download pip's newest wheel from a package index (PEP 503), check it, and give its path."""
    address = index.rstrip("/") + "/pip/"
    page = urlopen(address, timeout=30).read().decode("utf-8")
    links = re.findall(r'href="([^"]*?(pip-([\d.]+)-py3-none-any\.whl)(?:#sha256=(\w+))?)"', page)
    if not links:
        raise Stop(NO_PIP.format(python=sys.executable, index=index))
    link, name, _, checksum = max(links, key=lambda one: [int(part) for part in one[2].split(".")])
    content = urlopen(urljoin(address, link), timeout=60).read()
    if checksum and hashlib.sha256(content).hexdigest() != checksum:
        raise Stop("Damaged download: %s is not what the package index says it is." % name)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)
    return file.name


def find_pip(python, target, environ, folder):
    # type: (str, str, collections.abc.Mapping[str, str], str) -> list[str]
    """A command that is pip for the environment's interpreter target: its own, or another's."""
    others = [python] + [path for _, path in pythons(environ)]
    wheels = glob.glob("/usr/share/python-wheels/pip-*.whl")  # Debian's package python3-pip-whl
    choices = [[target, "-m", "pip"]] + [[path, "-m", "pip", "--python", target] for path in others]
    for choice in choices + [[target, os.path.join(wheel, "pip")] for wheel in wheels]:
        if answer(choice + ["--version"], environ):
            return choice
    index = environ.get("PIP_INDEX_URL") or INDEX
    say("No pip here: fetching it from %s" % index)
    try:
        return [target, os.path.join(fetch_pip(index, folder), "pip")]
    except OSError as reason:
        raise Stop("%s\n    (%s)" % (NO_NETWORK, reason))


def launcher(python, version, root, environ):
    # type: (str, str, str, collections.abc.Mapping[str, str]) -> str
    """The environment that holds nox alone, made anew unless complete; returns its interpreter."""
    folder = os.path.join(root, ".einlab")
    place = os.path.join(folder, "nox-" + version)
    target = inside(place)
    complete = holds(os.path.join(place, "ready"), NOX)
    if complete and answer([target, "-m", "nox", "--help"], environ):
        return target

    def do(command):  # type: (list[str]) -> None
        status, lines = watch(command, environ, root)
        if status:
            why = explain(lines, folder, (100, free_megabytes(folder)), version)
            raise Stop(why or "%s ended with status %d" % (" ".join(command), status))

    shutil.rmtree(place, ignore_errors=True)
    seeded = answer([python, "-c", "import ensurepip; print(1)"], environ)
    do([python, "-m", "venv", place] + ([] if seeded else ["--without-pip"]))
    do(find_pip(python, target, environ, folder) + ["install", "--only-binary=:all:", NOX])
    with open(os.path.join(place, "ready"), "w") as file:
        file.write(NOX)
    return target


def run(command, rest, root):  # type: (str, list[str], str) -> int
    """Set up what a command needs, and hand over to nox."""
    version = "%d.%d" % sys.version_info[:2]
    folder = os.path.join(root, ".einlab")
    environ = surroundings(os.environ, folder)
    what = "demo" if command == "demo" else "test"
    os.makedirs(environ["TMPDIR"], exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.set_inheritable(lock.fileno(), True)
            except OSError:
                raise Stop("Another start.py, or what one began, runs here: wait for its end.")
        if not holds(stamp(root, "py" + version, what), key(root)):
            announce(folder, what, environ, free_megabytes(folder))
        nox = launcher(sys.executable, version, root, environ)
        session = {"demo": "demo", "test": "tests(%s)" % version}.get(command)
        words = ["-s", session, "--"] + rest if session else rest
        status, lines = watch([nox, "-m", "nox"] + words, environ, root)
        failed = installing(lines)
        if status and failed:
            room = (MEGABYTES[what][1], free_megabytes(folder))
            raise Stop(explain(failed, folder, room, version) or failed[-1])
    return status


def main(words, root=ROOT):  # type: (list[str], str) -> int
    """Do what the words ask; return the exit status."""
    if sys.version_info[:2] < OLDEST or not version_of(sys.executable):
        return hand_over(words)
    if words == ["pythons"]:
        for version, path in pythons(os.environ):
            say("%s %s" % (version, path))
        return 0
    if words[:1] not in (["demo"], ["test"], ["nox"]):
        say(str(__doc__))
        return 0 if words[:1] in (["-h"], ["--help"]) else 2
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        return run(words[0], words[1:], root)
    except (Stop, OSError) as reason:
        say("\n%s" % (explain([str(reason)], root, (100, free_megabytes(root)), "") or reason))
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted. Nothing is lost: the same call goes on from here.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
