"""Bugs in the turns of BLAS, in signals, and in what opens and locks files."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "a team in another thread does not limit BLAS",
        "backend/blas.py",
        "            free(force=True)\n            library.set_num_threads(number)\n",
        "            library.set_num_threads(number)\n",
    ),
    Bug(
        "the first thread that limits BLAS keeps others from it",
        "backend/blas.py",
        "            library.set_num_threads(number)\n            free(force=True)\n",
        "            library.set_num_threads(number)\n",
    ),
    Bug(
        "turns of both kinds run side by side",
        "backend/blas.py",
        "if self._inside and (kind != self._kind or self._waiting[1 - kind]):",
        "if False:",
    ),
    Bug(
        "a kind of turns waits for as long as there are others",
        "backend/blas.py",
        "(kind != self._kind or self._waiting[1 - kind])",
        "kind != self._kind",
    ),
    Bug(
        "a number that somebody sets during a turn is set back",
        "backend/blas.py",
        "if instead_of is None or library.get_num_threads() == instead_of:",
        "if True:",
    ),
    Bug(
        "a forked process keeps the one BLAS thread of its parent's turn",
        "backend/blas.py",
        "        self._reset()\n        _set_numbers(before, instead_of=1)\n",
        "        self._reset()\n",
    ),
    Bug(
        "a wait that was broken off counts as a turn",
        "backend/blas.py",
        "        except BaseException:\n            self.leave(0)\n            raise\n",
        "        except BaseException:\n            raise\n",
    ),
    Bug(
        "one BLAS thread stays after a study",
        "backend/blas.py",
        "    finally:\n        with TURNS[0]:\n            _set_numbers(before, instead_of=1)\n",
        "    finally:\n        pass\n",
    ),
    Bug(
        "a turn is waited for without end",
        "backend/blas.py",
        "lambda: own in self._inside, PATIENCE)",
        "lambda: own in self._inside, 10)",
    ),
    Bug("an old threadpoolctl is taken", "backend/blas.py", "[:2]] < [3, 5]:", "[:2]] < [3, 1]:"),
    Bug(
        "a link in the place of a lock is followed",
        "backend/locks.py",
        "mode = os.lstat(path).st_mode",
        "mode = os.stat(path).st_mode",
    ),
    Bug(
        "a folder in the place of a lock is tried",
        "backend/locks.py",
        "if not stat.S_ISREG(mode):",
        "if stat.S_ISLNK(mode):",
    ),
    Bug(
        "a lock that exists is waited for without end",
        "backend/locks.py",
        'f"remove {os.fsdecode(path)}"))\n    return filelock.FileLock(path, timeout=timeout)',
        'f"remove {os.fsdecode(path)}"))\n    return filelock.FileLock(path)',
    ),
    Bug(
        "what is no file is opened before it is refused",
        "backend/files.py",
        "        _refuse_unless_regular(path, os.stat(path).st_mode)\n",
        "",
    ),
    Bug(
        "what was opened is not looked at again",
        "backend/files.py",
        "        _refuse_unless_regular(path, os.fstat(descriptor).st_mode)\n",
        "",
    ),
    Bug(
        "a number is taken for the name of a file",
        "backend/files.py",
        "    path = os.fspath(path)  # `os.stat` would take a number for an open file\n",
        "",
    ),
    Bug(
        "a file that is refused after opening stays open",
        "backend/files.py",
        "    except BaseException:\n        os.close(descriptor)\n        raise\n",
        "    except BaseException:\n        raise\n",
    ),
    Bug("the size of a file is not limited", "backend/files.py", "if most is not None and size > most:", "if False:"),
    Bug("a file that grows is read to its end", "backend/files.py", "return file.read(size)", "return file.read()"),
    Bug(
        "a handler that was set in C is replaced",
        "training/signals.py",
        " or handler == self._note or _set_in_c(number, handler):",
        " or handler == self._note:",
    ),
    Bug(
        "a handler that was set in C during a run is replaced after it",
        "training/signals.py",
        "if signal.getsignal(number) == self._note and not _set_in_c(number, self._note):",
        "if signal.getsignal(number) == self._note:",
    ),
    Bug(
        "looking for handlers in C leaves one behind",
        "training/signals.py",
        "            signal.signal(probe, signal.SIG_DFL)\n",
        "",
    ),
    Bug(
        "the second signal of an inner run waits for the outer one",
        "training/signals.py",
        "            while (outer := outermost._outer(number)) is not None:\n                outermost = outer\n",
        "",
    ),
    Bug(
        "the outer run does not learn that the inner one ended by a signal",
        "training/signals.py",
        "            outer.pending, outer.ended_inside = number, error\n",
        "",
    ),
    Bug(
        "the status after a signal is 1", "training/signals.py", "raise SystemExit(128 + number)", "raise SystemExit(1)"
    ),
]
