"""Fill README.md and docs/results.md with the numbers of the study.

    python docs/publish.py --data ../shared/data       # run the study (kept runs are not run again), then fill
    python docs/publish.py --fill                      # fill the pages and draw the pictures from study.json again

The first takes the options of examples/fashion_mnist.py, writes docs/measurements/study.json and docs/images, and fills
the text between `<!-- study-...: begin -->` and its end in both pages. The second draws only the pictures that can be
made from study.json. A test compares the pages with study.json.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinynet.study import sentences
from tinynet.study.report import draw_from_summary
from tinynet.study.sentences import TITLES
from tinynet.study.tables import accuracy_table, comparison_table, grid_table, markdown, short_table

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "docs" / "measurements" / "study.json"
PAGES = ("README.md", "docs/results.md")
IMAGES = {
    "comparison": "study",
    "learning_curves": "learning_curves",
    "why": "why",
    "rates": "rates",
    "predictions": "predictions",
}
COMMAND = "python examples/fashion_mnist.py --device cpu --data ../shared/data"
Summary = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Run and fill; the exit status is the study's."""
    if arguments == ["--fill"]:
        summary = json.loads(SOURCE.read_text(encoding="utf-8"))
        draw_from_summary(summary, {name: ROOT / "docs" / "images" / f"{image}.png" for name, image in IMAGES.items()})
        fill_pages(summary)
        return 0
    sys.path.insert(0, str(ROOT / "examples"))
    import fashion_mnist  # an example is no package

    status = fashion_mnist.main(arguments)
    if status > 1:
        return status
    folder = fashion_mnist.parse(arguments).out
    summary = compact(json.loads((folder / "results.json").read_text(encoding="utf-8")))
    if summary["synthetic"]:
        print("error: the study was made on synthetic data; name the real ones with --data", file=sys.stderr)
        return 2
    SOURCE.write_text(json.dumps(summary, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
    for name, image in IMAGES.items():
        shutil.copyfile(folder / f"{name}.png", ROOT / "docs" / "images" / f"{image}.png")
    fill_pages(summary)
    return status


def fill_pages(summary: Summary) -> None:
    """Write all blocks of both pages again."""
    for name in PAGES:
        page = ROOT / name
        page.write_text(fill(page.read_text(encoding="utf-8"), summary), encoding="utf-8")
        print(f"filled {name}")


def compact(results: Mapping[str, Any]) -> dict[str, Any]:
    """The parts that tables and sentences need: no single runs, and no folders of this machine."""
    kept = {name: value for name, value in results.items() if name != "runs"}
    kept["settings"] = {name: kept["settings"][name] for name in (
        "tables", "arms", "hidden", "epochs", "long_epochs", "batch_size", "lr", "dropout", "seeds", "long_seeds"
    )}  # fmt: skip
    data = {split: {"sha256": about.get("sha256")} for split, about in kept["manifest"]["data"].items()}
    kept["manifest"] = {**kept["manifest"], "command": COMMAND, "data": data}
    text = json.dumps(kept)
    rounded: dict[str, Any] = json.loads(text, parse_float=lambda number: float(f"{float(number):.7g}"))
    return rounded


def fill(page: str, summary: Summary) -> str:
    """`page` with the text of each of its `<!-- study-name: begin -->` blocks replaced."""
    for name, text in blocks(summary).items():
        between = re.compile(rf"(<!-- study-{name}: begin -->\n).*?(<!-- study-{name}: end -->)", re.DOTALL)
        page = between.sub(lambda found, text=text: f"{found[1]}{text}\n{found[2]}", page)  # type: ignore[misc]
    return page


def blocks(summary: Summary) -> dict[str, str]:
    """The text of each block, by name."""
    result = {
        "answer": wrap(sentences.answer(summary)),
        "grid": "\n\n".join([markdown(*grid_table(summary)), *sentences.edge_note(summary)]),
        "classes": items(sentences.class_sentences(summary, "best")),
        "why": items(sentences.gradient_sentences(summary)),
        "manifest": wrap(sentences.machine(summary)),
    }
    for part in [part for part in TITLES if part in summary]:
        table = [markdown(*accuracy_table(summary, part)), wrap(sentences.setting(summary, part) + ".")]
        if summary[part]["comparisons"]:
            table += [markdown(*comparison_table(summary, part))]
        result[part] = "\n\n".join([*table, items(sentences.comparison_sentences(summary, part))])
        result[f"short-{part}"] = markdown(*short_table(summary, part))
        result[f"gap-{part}"] = items(sentences.gap_sentences(summary, part))
    return result


def items(texts: list[str]) -> str:
    """A Markdown list."""
    return "\n".join(wrap(f"- {text}", "  ") for text in texts)


def wrap(text: str, indent: str = "") -> str:
    """Lines of at most 118 characters."""
    filled = textwrap.fill(text, 118, subsequent_indent=indent, break_on_hyphens=False)
    return filled.replace("\N{NO-BREAK SPACE}", " ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
