"""A disk whose operations fail on request."""

import os

from tinynet.backend import files


class FailingDisk:
    """Count the disk operations of a save. Operation number `at` fails, and if `dead`, all later ones, too."""

    CALLS = ((files, "create_beside"), (os, "fdopen"), (os, "fsync"), (os, "chmod"), (os, "replace"))

    def __init__(self, monkeypatch, at, number, dead):
        self.at, self.number, self.dead, self.asked = at, number, dead, []
        for module, name in self.CALLS:
            monkeypatch.setattr(module, name, self.counted(name, getattr(module, name)))

    def counted(self, name, real):
        def call(*arguments, **named):
            if name == "fsync" and os.fstat(arguments[0]).st_mode & 0o040000:
                return real(*arguments)  # fsync of the folder: see files.py
            self.ask(name)
            made = real(*arguments, **named)
            return FailingFile(made, self) if name == "fdopen" else made

        return call

    def ask(self, name):
        self.asked.append(name)
        if len(self.asked) == self.at or (self.dead and len(self.asked) > self.at):
            raise OSError(self.number, os.strerror(self.number))


class FailingFile:
    """An open file on a failing disk. A write that fails has written half of its bytes."""

    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.disk.ask("close")

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.disk.ask("write")
        self.file.write(content[len(content) // 2 :])

    def flush(self):
        self.disk.ask("flush")
        self.file.flush()

    def fileno(self):
        return self.file.fileno()
