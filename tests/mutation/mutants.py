"""Generate the mutants of a module with the operators of mutmut, and draw a fixed sample of them.

Changed are: operators, comparisons, numbers, True and False, the values of assignments, the arguments of calls (None in
their place, or left out), string methods, lambdas and conditional expressions (mutmut's operators), and strings without
a space (those with one are texts). Two operators are our own: a call that stands alone is left out, and the branch of
an `if` is never taken. Type annotations, decorators, imports, `__all__`, docstrings, and the arguments of errors and
warnings stay as they are.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import libcst as cst
from libcst._nodes.internal import CodegenState
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators, operator_string
from mutmut.mutation.pragma_handling import IgnoredCode

VERSION = "3"  # of the operators below: cached lists of another version are generated again
TEXTS = {"mismatch", "warn"}  # calls whose arguments are the text of an error or a warning


@dataclass(frozen=True)
class Mutant:
    """One change of a module. `was` and `now` are the lines that differ; `occurrence` counts equal changes."""

    module: str
    where: str  # the class and function
    was: str
    now: str
    occurrence: int
    first: int  # line numbers of the changed node
    last: int
    source: str  # the whole text of the changed module

    @property
    def key(self) -> str:
        """A name that does not change if lines above are added or removed."""
        text = "\0".join((self.module, self.where, self.was, self.now, str(self.occurrence)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def string_value(node: cst.SimpleString) -> Iterable[cst.BaseExpression]:
    """A changed string, unless it holds a space and is a text."""
    if " " not in node.value:
        yield from list(operator_string(node))[:1]


def lone_call(node: cst.Expr) -> Iterable[cst.BaseSmallStatement]:
    """`pass` instead of a call whose result nobody uses."""
    if isinstance(node.value, cst.Call):
        yield cst.Pass()


def branch_never_taken(node: cst.If) -> Iterable[cst.If]:
    """`if False` instead of the condition, unless only type checkers enter the branch."""
    if isinstance(node.test, cst.Name) and node.test.value == "TYPE_CHECKING":
        return
    yield node.with_changes(test=cst.Name("False"))


OPERATORS = [pair for pair in mutation_operators if pair[1] is not operator_string]
OPERATORS += [(cst.SimpleString, string_value), (cst.Expr, lone_call), (cst.If, branch_never_taken)]


class Visitor(MutationVisitor):
    """mutmut's, which here also enters decorated functions: each mutant is a file of its own."""

    METADATA_DEPENDENCIES = (*MutationVisitor.METADATA_DEPENDENCIES, ParentNodeProvider)

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, (cst.Decorator, cst.Import, cst.ImportFrom)) or self._is_text(node):
            return True
        return not isinstance(node, cst.FunctionDef) and super()._skip_node_and_children(node)

    def _is_text(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Raise):
            return True
        if isinstance(node, cst.Assign):  # names for `import *`
            return isinstance(node.targets[0].target, cst.Name) and node.targets[0].target.value == "__all__"
        if isinstance(node, cst.Arg):
            call = self.get_metadata(ParentNodeProvider, node)
            name = getattr(call, "func", None)
            name = name.attr if isinstance(name, cst.Attribute) else name
            return isinstance(name, cst.Name) and name.value in TEXTS
        return False


def mutants(path: Path, module: str, cache: Path) -> list[Mutant]:
    """All mutants of a module, in the order in which the sample is drawn: by the hash of their keys."""
    text = path.read_text(encoding="utf-8")
    kept = cache / f"{module.replace('/', '-')}-{hashlib.sha256((VERSION + text).encode()).hexdigest()[:16]}.json"
    if kept.exists():
        return [Mutant(**fields) for fields in json.loads(kept.read_text(encoding="utf-8"))]
    found = sorted(generate(text, module), key=lambda mutant: mutant.key)
    cache.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([asdict(mutant) for mutant in found]), encoding="utf-8")
    return found


def generate(text: str, module: str) -> list[Mutant]:
    """The mutants of a text that compile and differ."""
    wrapper = MetadataWrapper(cst.parse_module(text))
    visitor = Visitor(OPERATORS, IgnoredCode(set(), set(), set()))
    wrapper.visit(visitor)
    positions, parents = wrapper.resolve(PositionProvider), wrapper.resolve(ParentNodeProvider)
    splicer = Splicer(text, wrapper.module, parents)
    found, seen, count = [], {text}, Counter[tuple[str, str, str]]()
    for mutation in visitor.mutations:
        node = mutation.original_node
        changed = splicer.replaced(node, mutation.mutated_node)
        if changed in seen or not compiles(changed):
            continue
        seen.add(changed)
        while node not in positions:
            node = parents[node]
        where, (was, now) = path_of(node, parents), difference(text, changed)
        count[where, was, now] += 1
        span = positions[node]
        last = span.start.line if isinstance(node, cst.If) else span.end.line
        found.append(Mutant(module, where, was, now, count[where, was, now], span.start.line, last, changed))
    return found


class Splicer:
    """Writes a function anew, with one node replaced, and leaves the text around it: a whole module takes ten times as
    long."""

    def __init__(self, text: str, module: cst.Module, parents: dict) -> None:
        self.text, self.module, self.parents = text, module, parents
        self.offsets: dict[cst.CSTNode, tuple[int, int]] = {}
        offset = 0
        for node, depth in ((node, depth) for top in module.body for node, depth in self.pieces(top, 0)):
            written = self.write(node, depth)
            offset = text.index(written, offset)
            self.offsets[node] = (offset, depth)
            offset += 1

    def pieces(self, node: cst.CSTNode, depth: int) -> Iterable[tuple[cst.CSTNode, int]]:
        """The statements at the top, and those of a class instead of the class."""
        if isinstance(node, cst.ClassDef) and isinstance(node.body, cst.IndentedBlock):
            for child in node.body.body:
                yield from self.pieces(child, depth + 1)
        else:
            yield node, depth

    def write(self, node: cst.CSTNode, depth: int) -> str:
        """The text of a statement at a depth of classes."""
        state = CodegenState(self.module.default_indent, self.module.default_newline)
        state.indent_tokens += [self.module.default_indent] * depth
        node._codegen(state)
        return "".join(state.tokens)

    def replaced(self, old: cst.CSTNode, new: cst.CSTNode) -> str:
        """The text of the module with a node replaced."""
        piece = old
        while piece not in self.offsets:
            piece = self.parents[piece]
        offset, depth = self.offsets[piece]
        changed = self.write(piece.deep_replace(old, new), depth)  # type: ignore[arg-type]
        return self.text[:offset] + changed + self.text[offset + len(self.write(piece, depth)) :]


def compiles(text: str) -> bool:
    """Whether Python accepts the text."""
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def path_of(node: cst.CSTNode, parents: dict) -> str:
    """The names of the classes and functions around a node, joined by dots."""
    names = []
    while node in parents:
        node = parents[node]
        if isinstance(node, (cst.ClassDef, cst.FunctionDef)):
            names.append(node.name.value)
    return ".".join(reversed(names)) or "module"


def difference(old: str, new: str) -> tuple[str, str]:
    """The lines that differ, before and after, without indentation."""
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""))[2:]
    was = [line[1:].strip() for line in lines if line.startswith("-")]
    now = [line[1:].strip() for line in lines if line.startswith("+")]
    return "\n".join(was), "\n".join(now)
