"""All planted bugs: those of each file in rooms/."""

from importlib import import_module
from pkgutil import iter_modules

from tests.planted import rooms
from tests.planted.bug import Bug

FILES = sorted(found.name for found in iter_modules(rooms.__path__))
BUGS: list[Bug] = [bug for name in FILES for bug in import_module(f"{rooms.__name__}.{name}").BUGS]
