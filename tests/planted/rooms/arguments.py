"""Bugs in the checks of arguments, in what is printed, and in layers that stand at several places."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "of all characters only ESC is escaped",
        "errors.py",
        "each if each.isprintable() else repr(each)[1:-1]",
        "each if each != chr(27) else repr(each)[1:-1]",
        ("test_errors.py", "contracts/test_printed_text.py"),
    ),
    Bug(
        "other line separators become line ends",
        "errors.py",
        'str(text).split("\\n")',
        "str(text).splitlines()",
        ("test_errors.py", "contracts/test_printed_text.py"),
    ),
    Bug(
        "a message is not escaped",
        "errors.py",
        "super().__init__(*(printable(each) if isinstance(each, str) else each for each in arguments))",
        "super().__init__(*arguments)",
        ("test_errors.py", "contracts/test_printed_text.py"),
    ),
    Bug(
        "the text of a cause is printed raw",
        "errors.py",
        "return error if str(error) == printable(error) else None",
        "return error",
        ("test_errors.py", "contracts/test_printed_text.py", "data/test_unpacking.py"),
    ),
    Bug("numbers that float32 cannot hold are taken", "errors.py", "held = abs(meant) <= LARGEST and (", "held = ("),
    Bug("numbers that are 0 in float32 are taken", "errors.py", "(abs(meant) >= SMALLEST or allowed(0.0))", "True"),
    Bug("True counts as the number 1.0", "errors.py", "if isinstance(value, bool) or getattr(", "if getattr("),
    Bug(
        "whole numbers have no limit",
        "errors.py",
        "return least <= number <= (limit if most is None else most)",
        "return number >= least and (most is None or number <= most)",
    ),
    Bug(
        "a text counts as a number",
        "errors.py",
        "        if held and isinstance(value, numbers.Real):\n",
        "        if held:\n",
    ),
    Bug(
        "2 counts as True",
        "errors.py",
        "isinstance(value, numbers.Integral) and value in (0, 1)",
        "isinstance(value, numbers.Integral)",
    ),
    Bug(
        "a number can name a file",
        "errors.py",
        "    if not isinstance(value, (str, os.PathLike)):\n",
        "    if False:\n",
        ("test_errors.py", "contracts/test_arguments.py"),
    ),
    Bug(
        "a layer that stands twice inside another is counted once",
        "layers/containers.py",
        "add(later, passes * uses)",
        "add(later, passes)",
        ("layers/test_containers.py", "contracts/test_shared_layers.py"),
    ),
    Bug(
        "the first of three places does not see the third",
        "layers/containers.py",
        "layers[number + 1 :].count(layer)",
        "int(layer in layers[number + 1 :])",
        ("layers/test_containers.py", "contracts/test_shared_layers.py"),
    ),
    Bug(
        "what later places wrote is overwritten",
        "layers/containers.py",
        "[values.copy() for values, _ in part.layer.written_arrays(own)]",
        "[values for values, _ in part.layer.written_arrays(own)]",
        ("layers/test_containers.py", "contracts/test_shared_layers.py"),
    ),
    Bug(
        "running statistics of two places are added up",
        "layers/normalization.py",
        "values *= (1 - self.momentum) ** passes",
        "values *= 1",
        ("layers/test_normalization.py", "contracts/test_shared_layers.py"),
    ),
    Bug(
        "a running variance may fall below 0",
        "layers/normalization.py",
        '        if name == "running_var":  # rounding',
        "        if False:  # rounding",
        ("layers/test_normalization.py", "contracts/test_shared_layers.py"),
    ),
]
