"""The code that docs/backpropagation.md quotes is in the source, and its lessons run."""

import inspect
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

import tinynet as tn
from tinynet import layers

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "backpropagation.md"
RUN_LATER = "run later"


class Block(NamedTuple):
    """One fenced block: the comment above it, its language, the line of its fence, and what it holds."""

    comment: str
    language: str
    line: int
    code: str


def blocks_of(text):
    blocks, lines = [], text.splitlines()
    starts = (number for number, line in enumerate(lines) if line.startswith("```"))
    for start, end in zip(starts, starts):  # one iterator twice: a fence that opens, a fence that closes
        comment = re.fullmatch(r"<!-- (.*) -->", lines[start - 1])
        code = "\n".join(lines[start + 1 : end])
        blocks.append(Block(comment[1] if comment else "", lines[start][3:], start + 1, code))
    return blocks


BLOCKS = blocks_of(PAGE.read_text(encoding="utf-8"))
QUOTED = [block for block in BLOCKS if block.comment.startswith("from ")]
LESSONS = [block for block in BLOCKS if block.language == "python" and not block.comment]


def is_in(code, source):
    """Whether these lines stand in the source, one after the other, at any depth of indentation."""
    code = textwrap.dedent(code)
    return any(f"\n{textwrap.indent(code, depth * ' ')}\n" in f"\n{source}\n" for depth in range(0, 24, 4))


def teach(blocks):
    """Run the blocks in one namespace; a traceback names the page and its line."""
    namespace = {"__name__": "lesson"}
    for block in blocks:
        exec(compile("\n" * block.line + block.code, str(PAGE), "exec"), namespace)


def public_subclasses(base):
    """The names that a user imports of the classes derived from `base`."""
    named = {name: getattr(tn, name) for name in tn.__all__}
    return [name for name, it in named.items() if inspect.isclass(it) and issubclass(it, base) and it is not base]


def test_every_fence_is_closed_and_every_comment_is_one_that_we_know():
    text = PAGE.read_text(encoding="utf-8")
    assert len(re.findall("^```", text, re.MULTILINE)) == 2 * len(BLOCKS)
    assert {block.language for block in BLOCKS} == {"math", "python", "text"}
    commented = [block.comment for block in BLOCKS if block.comment]
    assert len(commented) == text.count("<!--"), "a comment that does not stand right above a block"
    assert all(comment == RUN_LATER or comment.startswith("from tinynet/") for comment in commented)


@pytest.mark.parametrize("block", QUOTED, ids=lambda block: f"{block.comment[5:]}-line-{block.line}")
def test_what_is_quoted_stands_in_the_source_word_for_word(block):
    path = block.comment.removeprefix("from ")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert block.language == "python"
    above = PAGE.read_text(encoding="utf-8").splitlines()[block.line - 4 : block.line - 1]
    assert f"(../{path}):" in "".join(above), "a reader does not see the comment: link the file above it"
    assert block.code.strip()
    assert is_in(block.code, source), f"{PAGE.name}, line {block.line}: {block.comment} no longer reads like this"


def test_the_lessons_hold_from_top_to_bottom():
    assert len(LESSONS) > 10
    teach(LESSONS)


def test_every_layer_loss_and_optimizer_of_the_library_has_a_place_and_a_quotation():
    text = PAGE.read_text(encoding="utf-8")
    losses, optimizers = public_subclasses(tn.Loss), public_subclasses(tn.Optimizer)
    derived = [name for name in layers.__all__ if name not in ("Layer", "Context")] + losses
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL))
    for name in derived:
        section = sections[name]
        assert "<!-- from tinynet/" in section, f"{name}: no lines of code beside its derivation"
        assert "```math" in section, f"{name}: no derivation"
        assert "**What goes wrong.**" in section, f"{name}: no mistake to learn from"
    assert set(optimizers) <= set(sections)


def test_the_links_within_the_page_lead_somewhere():
    text = PAGE.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#(.*?)\)", text)) <= anchors
    assert all((PAGE.parent / path).is_file() for path in re.findall(r"\]\((\.\./[^)]+)\)", text))


def test_formulas_in_the_prose_are_such_as_github_shows():
    """Dollars in pairs on a line, hugging their formula; no backslash before punctuation, which Markdown would eat."""
    inside = {number for block in BLOCKS for number in range(block.line, block.line + block.code.count("\n") + 3)}
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), start=1):
        if number in inside:
            continue
        prose = re.sub(r"`[^`]*`", "", line)
        assert prose.count("$") % 2 == 0, f"line {number}: {line}"
        for formula in prose.split("$")[1::2]:
            assert formula == formula.strip() != "", f"line {number}: {line}"
            assert not re.search(r"\\[^a-zA-Z]", formula), f"line {number}: {line}"


# The tests above, tested -------------------------------------------------------------------------------------------


def test_a_changed_word_is_not_a_quotation():
    source = "class A:\n    def f(self):\n        y = 1\n\n        return y\n"
    assert is_in("y = 1\n\nreturn y", source)
    assert is_in("def f(self):\n    y = 1", source)
    assert not is_in("y = 2\n\nreturn y", source)
    assert not is_in("y = 1\nreturn y", source)
    assert not is_in("= 1", source)  # whole lines only


def test_a_wrong_number_in_a_lesson_fails_and_names_its_line():
    page = "# A page\n\n```python\nx = 1\nassert x == 2\n```\n"
    with pytest.raises(AssertionError) as failed:
        teach(blocks_of(page))
    assert failed.traceback[-1].lineno + 1 == page.splitlines().index("assert x == 2") + 1


def test_a_marked_block_is_neither_run_nor_lost():
    marked = blocks_of("<!-- run later -->\n```python\nraise SystemExit\n```\n")
    assert marked == [Block(RUN_LATER, "python", 2, "raise SystemExit")]
    assert not [block for block in marked if block in LESSONS]
