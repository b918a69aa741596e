"""Bugs in tinynet/training: identities, signals, callbacks, histories and the search for a learning rate."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "a bar is drawn without a terminal",
        "training/callbacks.py",
        "if not progress or not is_terminal(sys.stderr):",
        "if not progress:",
    ),
    Bug(
        "progress=False draws a bar",
        "training/callbacks.py",
        "if not progress or not is_terminal(sys.stderr):",
        "if not is_terminal(sys.stderr):",
    ),
    Bug(
        "a misnamed method of a callback is accepted",
        "training/callbacks.py",
        "for name in METHODS.keys() & vars(cls).keys():",
        "for name in ():",
    ),
    Bug(
        "a constant that a function reads is left out of its identity",
        "training/code.py",
        "if _is_constant(it) or (isinstance(it, (types.FunctionType, type)) and not is_library(it)):",
        "if isinstance(it, (types.FunctionType, type)) and not is_library(it):",
    ),
    Bug(
        "defaults are left out of a function's identity",
        "training/code.py",
        '        yield "defaults", [value.__defaults__, value.__kwdefaults__]\n',
        "",
    ),
    Bug("a history's missing number is 0", "training/history.py", "row.get(name, math.nan)", "row.get(name, 0.0)"),
    Bug(
        "a table has the columns of the first epoch only",
        "training/history.py",
        "list(dict.fromkeys(name for row in self.rows for name in row))",
        "list(self.rows[0]) if self.rows else []",
    ),
    Bug(
        "a history's table is written in place",
        "training/history.py",
        '        write_atomically(path, text.getvalue().encode(errors="backslashreplace"))',
        '        open(path, "wb", 0).write(text.getvalue().encode(errors="backslashreplace"))',
        ("training/test_history.py", "backend/test_files.py"),
    ),
    Bug(
        "a lambda has an identity",
        "training/identity.py",
        'known = not around and (kind == "class" or value.__name__ != "<lambda>")',
        "known = not around",
    ),
    Bug(
        "floats are rounded in an identity",
        "training/identity.py",
        "return float(value) if math.isfinite(value) else",
        "return round(float(value), 6) if math.isfinite(value) else",
    ),
    Bug(
        "an array's dtype is left out of its identity",
        "training/identity.py",
        '{"array": array.dtype.str, "shape"',
        '{"array": "", "shape"',
    ),
    Bug(
        "a part of a layer is left out of its identity",
        "training/identity.py",
        'parts = {"layers": self.of(layer.layers)} if isinstance(layer, Container) else {}',
        'parts = {"layers": self.of(layer.layers[:1])} if isinstance(layer, Container) else {}',
    ),
    Bug(
        "the model stays trained after the search for a learning rate",
        "training/learning_rate_finder.py",
        "            vector[...] = values\n",
        "            pass\n",
    ),
    Bug(
        "the search changes the caller's optimizer",
        "training/learning_rate_finder.py",
        "optimizer = copy.deepcopy(checked_optimizer(who, optimizer))",
        "optimizer = checked_optimizer(who, optimizer)",
    ),
    Bug(
        "the search ignores its seed",
        "training/learning_rate_finder.py",
        "shuffled(data, batch_size, seed, epoch, model.dtype)",
        "shuffled(data, batch_size, 0, epoch, model.dtype)",
    ),
    Bug(
        "each epoch of the search has the same order",
        "training/learning_rate_finder.py",
        "            epoch += 1\n",
        "            epoch += 0\n",
    ),
    Bug(
        "the steepest point is looked for after the minimum",
        "training/learning_rate_finder.py",
        "first, last = len(self.losses) // 10, int(np.argmin(self.losses))",
        "first, last = len(self.losses) // 10, len(self.losses) - 1",
    ),
    Bug(
        "a second Ctrl-C waits, too",
        "training/signals.py",
        "        elif self.pending is None:\n",
        "        elif True:\n",
    ),
    Bug(
        "handlers of before are not restored",
        "training/signals.py",
        "                    signal.signal(number, handler)\n",
        "                    pass\n",
    ),
    Bug(
        "a signal that is ignored is acted on",
        "training/signals.py",
        "handler == signal.SIG_IGN or handler == self._note or _set_in_c(number, handler):",
        "handler == self._note or (callable(handler) and _set_in_c(number, handler)):",
    ),
    Bug(
        "SIGTERM ends a run with status 0",
        "training/signals.py",
        "raise SystemExit(128 + number)",
        "raise SystemExit(0)",
    ),
]
