"""Bugs in reading models and checkpoints that are damaged or hostile."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "the description is outside the checksum",
        "io/array_files.py",
        'for name in ("kind", "version", "about")',
        'for name in ("kind", "version")',
    ),
    Bug(
        "the checksum of format 1 is taken for every format",
        "io/array_files.py",
        'if header.get("version") != 1:',
        "if False:",
    ),
    Bug("a name may stand twice in an object", "io/strict_json.py", "if len(found) < len(pairs):", "if False:"),
    Bug("NaN is read from JSON", "io/strict_json.py", ", parse_constant=_refuse)", ")"),
    Bug("JSON may be nested without end", "io/strict_json.py", "    _check_depth(value)\n", ""),
    Bug(
        "the deepest level is one more", "io/strict_json.py", "for _ in range(DEEPEST):", "for _ in range(DEEPEST + 1):"
    ),
    Bug(
        "JSON in UTF-16 is read",
        "io/strict_json.py",
        "        text = text.decode()  # json.loads would guess UTF-16 and others\n",
        "        pass\n",
    ),
    Bug(
        "arrays of a file may have gaps between them",
        "io/tensor_files.py",
        "if tensor.begin != end:",
        "if tensor.begin < end:",
    ),
    Bug("arrays of a file may overlap", "io/tensor_files.py", "if tensor.begin != end:", "if tensor.begin > end:"),
    Bug(
        "bytes after the last array are ignored", "io/tensor_files.py", "    if end != size:\n", "    if end > size:\n"
    ),
    Bug(
        "a file that has grown since its header was read is used",
        "io/tensor_files.py",
        "block.size != header.size or file.read(1)",
        "block.size != header.size",
    ),
    Bug(
        "the shape of an empty array may be beyond NumPy's",
        "io/tensor_files.py",
        "* width >= 2**63:",
        "* width >= 2**400:",
    ),
    Bug(
        "an array may have fewer numbers than bytes",
        "io/tensor_files.py",
        "if offsets[1] - offsets[0] != math.prod(shape) * width:",
        "if offsets[1] - offsets[0] < math.prod(shape) * width:",
    ),
    Bug(
        "true is a size of 1",
        "io/tensor_files.py",
        "type(value) is int and 0 <= value < 2**63",
        "isinstance(value, int) and 0 <= value < 2**63",
    ),
    Bug(
        "a checkpoint that cannot be opened ends the resume",
        "training/checkpoints.py",
        "            except (DataError, OSError) as error:\n                then",
        "            except DataError as error:\n                then",
        ("training/test_checkpoints.py", "training/test_checkpoints_that_cannot_be_read.py"),
    ),
    Bug(
        "a run of other settings ends at the first file of format 1",
        "training/checkpoints.py",
        "                if version > 1:\n                    raise\n",
        "                if True:\n                    raise\n",
        ("training/test_checkpoints.py", "training/test_checkpoints_of_older_versions.py"),
    ),
    Bug(
        "other settings are passed over in files of format 2",
        "training/checkpoints.py",
        "                if version > 1:\n                    raise\n",
        "",
        ("training/test_checkpoints.py", "training/test_checkpoints_that_cannot_be_read.py"),
    ),
    Bug(
        "a damaged best model stays",
        "training/checkpoints.py",
        "        self._check_best()\n\n",
        "\n",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_that_cannot_be_read.py",
            "training/test_checkpoints_of_the_best.py",
        ),
    ),
    Bug(
        "a checkpoint of another step is resumed",
        "training/checkpoint_files.py",
        "if named is not None and int(named[1]) != step:",
        "if False:",
    ),
    Bug(
        "a checkpoint may have more epochs than steps",
        "training/checkpoint_files.py",
        "    if step < least:",
        "    if False:",
    ),
    Bug(
        "a damaged checkpoint of a later step pushes out the good ones",
        "training/checkpoints.py",
        "[step for step in self.steps() if step <= state.step]",
        "self.steps()",
        ("training/test_checkpoints.py", "training/test_checkpoints_that_cannot_be_read.py"),
    ),
    Bug(
        "a checkpoint is written into a pipe",
        "training/checkpoints.py",
        "write_arrays(_no_pipe(path), ",
        "write_arrays(path, ",
        ("training/test_checkpoints.py", "training/test_checkpoints_that_cannot_be_read.py"),
    ),
    Bug(
        "the best model is written into a pipe",
        "training/checkpoints.py",
        "model.save(_no_pipe(self.folder / BEST))",
        "model.save(self.folder / BEST)",
        ("training/test_checkpoints.py", "training/test_checkpoints_that_cannot_be_read.py"),
    ),
    Bug("a history may have as many columns as numbers", "training/checkpoint_files.py", "> MOST_CELLS:", "> 1 << 80:"),
]
