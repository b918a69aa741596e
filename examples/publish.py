"""The study's numbers into README and docs, for whoever keeps them. Everything is a function of what was measured.

    python examples/publish.py --data ../shared/data       # the whole study (what is there is not run again), then docs

Takes the options of fashion_mnist.py. Writes docs/measurements/study.json and docs/images, and fills what stands
between `<!-- study-...: begin -->` and its end in README.md and docs/results.md. A test compares the three.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fashion_mnist

from tinynet.study import words

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
Study = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Run, then write; the exit status is the study's."""
    status = fashion_mnist.main(arguments)
    if status > 1:
        return status
    folder = fashion_mnist.parse(arguments).out
    study = compact(json.loads((folder / "results.json").read_text(encoding="utf-8")))
    if study["synthetic"]:
        print("error: the study was made on synthetic data; name the real ones with --data", file=sys.stderr)
        return 2
    SOURCE.write_text(json.dumps(study, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
    for name, image in IMAGES.items():
        shutil.copyfile(folder / f"{name}.png", ROOT / "docs" / "images" / f"{image}.png")
    for name in PAGES:
        page = ROOT / name
        page.write_text(fill(page.read_text(encoding="utf-8"), study), encoding="utf-8")
        print(f"filled {name}")
    return status


def compact(results: Mapping[str, Any]) -> dict[str, Any]:
    """What tables and sentences need: no predictions, no pictures; and nothing of the machine's folders."""
    kept = {name: value for name, value in results.items() if name != "runs"}
    kept["settings"] = {name: kept["settings"][name] for name in (
        "tables", "arms", "hidden", "epochs", "long_epochs", "batch_size", "lr", "dropout", "seeds", "long_seeds"
    )}  # fmt: skip
    data = {split: {"sha256": about.get("sha256")} for split, about in kept["manifest"]["data"].items()}
    kept["manifest"] = {**kept["manifest"], "command": COMMAND, "data": data}
    text = json.dumps(kept)
    rounded: dict[str, Any] = json.loads(text, parse_float=lambda number: float(f"{float(number):.7g}"))
    return rounded


def fill(page: str, study: Study) -> str:
    """`page` with each of its `<!-- study-name: begin -->` blocks written anew."""
    for name, text in blocks(study).items():
        between = re.compile(rf"(<!-- study-{name}: begin -->\n).*?(<!-- study-{name}: end -->)", re.DOTALL)
        page = between.sub(lambda found, text=text: f"{found[1]}{text}\n{found[2]}", page)  # type: ignore[misc]
    return page


def blocks(study: Study) -> dict[str, str]:
    """What stands in each block, by name."""
    parts = [part for part in words.TITLES if part in study]
    result = {
        "answer": wrap(words.answer(study)),
        "grid": "\n\n".join([words.markdown(*words.grid_rows(study)), *words.edge_note(study)]),
    }
    for part in parts:
        result[f"short-{part}"] = short_table(study, part)
        table = [
            words.markdown(*words.rows_of(study[part])),
            wrap(words.setting(study, part) + "."),
            items(words.sentences(study, part)),
        ]
        if study[part]["comparisons"]:
            table.insert(2, words.markdown(*words.comparisons_of(study, part)))
        result[part] = "\n\n".join(table)
        result[f"gap-{part}"] = items(words.gap_sentences(study, part))
    result["classes"] = items(words.class_sentences(study, "best"))
    result["why"] = items(words.slope_sentences(study))
    result["manifest"] = wrap(words.manifest_line(study))
    return result


def short_table(study: Study, part: str) -> str:
    """Accuracy and the one comparison of each arm."""
    seen = {each["arm"]: each for each in study[part]["comparisons"]}
    rows = []
    for row in study[part]["rows"]:
        each = seen.get(row["arm"])
        against = f"{words.verdict(each)} ({words.points(each['difference'])})" if each else ""
        other = words.title(study, each["against"]) if each else ""
        rows.append([row["title"], f"{row['rate']:g}", words.accuracy_of(row), other, against])
    return words.markdown(["arm", "rate", "test accuracy", "compared with", "seen, points"], rows)


def items(sentences: list[str]) -> str:
    """A list."""
    return "\n".join(wrap(f"- {each}", "  ") for each in sentences)


def wrap(text: str, indent: str = "") -> str:
    """Lines of a page."""
    import textwrap

    return textwrap.fill(text.replace("\N{NO-BREAK SPACE}", " "), 118, subsequent_indent=indent, break_on_hyphens=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
