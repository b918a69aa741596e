"""`read_pickle` reads what NumPy and Python wrote, and neither runs nor believes anything else."""

import codecs
import io
import pickle
import pickletools
import struct
import tracemalloc

import numpy as np
import pytest

from tests.support.child import python
from tinynet.data import pickles
from tinynet.data.pickles import read_pickle

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3072)).astype("uint8")
BATCH = {
    b"data": IMAGES,
    b"labels": [0, 9, 255, 256],
    b"batch_label": b"training batch 1 of 5",
    b"filenames": [b"camion_s_000148.png", b"\xff\x00\n'\\"],
}


def same(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, np.ndarray):
            assert (found[key].dtype, found[key].shape) == (value.dtype, value.shape)
            np.testing.assert_array_equal(found[key], value)
        else:
            assert (type(found[key]), found[key]) == (type(value), value)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("write", [pickle._Pickler, pickle.Pickler], ids=["Python", "C"])
def test_what_python_3_writes_is_read_under_each_protocol(protocol, write):
    file = io.BytesIO()
    write(file, protocol).dump(BATCH)
    same(read_pickle(file.getvalue()), BATCH)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(IMAGES),
        np.arange(6, dtype=">i4").reshape(1, 2, 3),
        np.arange(3, dtype="<i8"),
        np.array([0.5, np.nan], "f4"),
        np.array([True, False]),
        np.zeros((0, 3072), "u1"),
        np.uint8([7]).reshape(1, 1, 1, 1),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_arrays_of_each_type_and_order_are_read(protocol, array):
    same(read_pickle(pickle.dumps({b"a": array, b"b": array}, protocol)), {b"a": array, b"b": array})


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(("ours", "other"), [(b"_core", b"core"), (b"core", b"_core")], ids=["NumPy 1", "NumPy 2"])
def test_names_of_numpy_1_and_2_are_known(ours, other, protocol):
    def named(core, module):
        """A name in a pickle: a line, or with its length before it (the length of a frame is not looked at)."""
        name = b"numpy." + core + module
        return bytes([len(name)]) + name if protocol >= 4 else name

    content = pickle.dumps({b"a": IMAGES}, protocol)
    for module in (b".multiarray", b".numeric"):
        content = content.replace(named(ours, module), named(other, module))
    assert b"numpy." + other in content
    same(read_pickle(content), {b"a": IMAGES})


# What cPickle of Python 2.7.18 wrote with NumPy 1.16.6; its strings are bytes.
BY_PYTHON_2 = {
    0: (
        b"(dp1\nS'batch_label'\np2\nS'testing batch 1 of 1'\np3\nsS'labels'\np4\n(lp5\nI0\naI9\nasS'data'\np6\ncnumpy"
        b".core.multiarray\n_reconstruct\np7\n(cnumpy\nndarray\np8\n(I0\ntS'b'\ntRp9\n(I1\n(I2\nI12\ntcnumpy\ndtype\n"
        b"p10\n(S'u1'\nI0\nI1\ntRp11\n(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x0b\\x16!,7BMXcny\\x84\\x8f\\x9a\\x"
        b"a5\\xb0\\xbb\\xc6\\xd1\\xdc\\xe7\\xf2\\xfd'\ntbsS'filenames'\np12\n(lp13\nS'domestic_cat_s_000907.png'\np14"
        b'\naS"hydrofoil\'s_\\xff\\n\\\\.png"\np15\nas.'
    ),
    1: (
        b"}q\x01(U\x0bbatch_labelq\x02U\x14testing batch 1 of 1q\x03U\x06labelsq\x04]q\x05(K\x00K\teU\x04dataq\x06cnu"
        b"mpy.core.multiarray\n_reconstruct\nq\x07(cnumpy\nndarray\nq\x08(K\x00tU\x01btRq\t(K\x01(K\x02K\x0ctcnumpy\n"
        b"dtype\nq\n(U\x02u1K\x00K\x01tRq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbI00\nU\x18\x00"
        b"\x0b\x16!,7BMXcny\x84\x8f\x9a\xa5\xb0\xbb\xc6\xd1\xdc\xe7\xf2\xfdtbU\tfilenamesq\x0c]q\r(U\x19domestic_cat_"
        b"s_000907.pngq\x0eU\x13hydrofoil's_\xff\n\\.pngq\x0feu."
    ),
    2: (
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x14testing batch 1 of 1q\x03U\x06labelsq\x04]q\x05(K\x00K\teU\x04data"
        b"q\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\t(K\x01K\x02K"
        b"\x0c\x86cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"
        b"tb\x89U\x18\x00\x0b\x16!,7BMXcny\x84\x8f\x9a\xa5\xb0\xbb\xc6\xd1\xdc\xe7\xf2\xfdtbU\tfilenamesq\x0c]q\r(U"
        b"\x19domestic_cat_s_000907.pngq\x0eU\x13hydrofoil's_\xff\n\\.pngq\x0feu."
    ),
}
BATCH_OF_PYTHON_2 = {
    b"data": np.arange(24, dtype="u1").reshape(2, 12) * 11,
    b"labels": [0, 9],
    b"batch_label": b"testing batch 1 of 1",
    b"filenames": [b"domestic_cat_s_000907.png", b"hydrofoil's_\xff\n\\.png"],
}


@pytest.mark.parametrize("protocol", BY_PYTHON_2)
def test_what_python_2_wrote_is_read(protocol):
    same(read_pickle(BY_PYTHON_2[protocol]), BATCH_OF_PYTHON_2)


def test_every_cut_is_refused():
    content = pickle.dumps({b"data": IMAGES[:1, :3], b"labels": [1]}, 2)
    for length in range(len(content)):
        with pytest.raises((ValueError, LookupError)):
            read_pickle(content[:length])


class Call:
    """What pickle writes as a call of `function`, followed by BUILD with `state`."""

    def __init__(self, function, arguments, *state):
        self.reduced = function, arguments, *state

    def __reduce__(self):
        return self.reduced


RECONSTRUCT = np.zeros(0).__reduce__()[0]
OBJECTS = Call(np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0))
FIELDS = Call(np.dtype, ("V8", False, True), (3, "|", None, ("f",), {"f": (np.dtype("O"), 0)}, 8, 1, 0))
DISGUISED = Call(np.dtype, ("u8", False, True), (3, "|", None, ("f",), {"f": (np.dtype("O"), 0)}, 8, 1, 27))


def array_of(dtype, shape=(4,), content=b"\x41" * 32):
    return Call(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, shape, dtype, False, content))


READ = """
import sys
from tinynet.data.archives import _parse_pickle
from tinynet.errors import DataError
for name in sys.argv[1:]:
    try:
        _parse_pickle(memoryview(open(name, "rb").read()), "batch")
    except DataError:
        print("refused")
"""


def test_bytes_do_not_become_addresses(tmp_path):
    """The unpickler of before, which allowed numpy.dtype, ended here with SIGSEGV."""
    for name, dtype in (("1", OBJECTS), ("2", FIELDS), ("3", DISGUISED)):
        content = pickle.dumps({b"data": np.zeros((1, 3072), "u1"), b"labels": [array_of(dtype)]}, 2)
        with pytest.raises(ValueError, match="an array holds other things than numbers"):
            read_pickle(content)
        (tmp_path / name).write_bytes(content)
    done = python("-c", READ, *sorted(tmp_path.iterdir()))
    assert (done.returncode, done.stdout) == (0, "refused\n" * 3)


def ordered(order):
    """An array whose dtype has this text for the order of its bytes: NumPy would read "O," + "u1" as two fields."""
    dtype = b"cnumpy\ndtype\n(S'u1'\ntR(I3\nT" + struct.pack("<I", len(order)) + order + b"NNNI-1\nI-1\nI0\ntb"
    return b"}U\x01acnumpy.core.multiarray\n_reconstruct\n)R(I1\nI0\n\x85" + dtype + b"I00\nU\0tbs."


U1 = np.dtype("u1")
REFUSED = {
    "a function": (pickle.dumps({b"a": Call(print, ("executed",))}, 2), r"it asks for \w+.print, which no data set"),
    "an import": (b"cos\nsystem\n(S'id'\ntR.", "it asks for os.system"),
    "an object": (b"(dS'a'\nc__main__\nPoint\n)\x81s.", r"its operation b'\\x81' is one"),
    "an instance": (b"(i__main__\nPoint\n.", "its operation b'i'"),
    "an extension": (b"\x82\x01.", "its operation"),
    "a persistent name": (b"Pname\n.", "its operation b'P'"),
    "a buffer outside": (b"\x97.", "its operation"),
    "a call of text": (b"S'print'\n)R.", "it calls something else than a function"),
    "text as arguments": (b"cnumpy\ndtype\nT\xff\xff\0\0" + b"x" * 0xFFFF + b"R.", "it calls something else"),
    "numpy.ndarray": (pickle.dumps({b"a": Call(np.ndarray, ((10**11,), "u1"))}, 2), "it asks for numpy.ndarray"),
    "another encoding": (pickle.dumps({b"a": Call(codecs.encode, ("x" * 99, "hex"))}, 2), "it asks for _codecs.encode"),
    "a huge array": (pickle.dumps({b"a": array_of(U1, (10**12,))}, 2), "an array of other than 32 bytes"),
    "axes of huge numbers": (pickle.dumps({b"a": array_of(U1, (2**2000,) * 4)}, 2), "other than 32 bytes"),
    "a thousand axes": (pickle.dumps({b"a": array_of(U1, (2**2000,) * 1000)}, 2), "the shape of an array is none"),
    "a negative axis": (pickle.dumps({b"a": array_of(U1, (-4, -8))}, 2), "negative"),
    "a shape of bytes": (pickle.dumps({b"a": array_of(U1, b"\x04\x08")}, 2), "the shape of an array is none"),
    "text for numbers": (pickle.dumps({b"a": array_of(U1, (4,), "text")}, 3), "a dtype and bytes"),
    "an array of no dtype": (pickle.dumps({b"a": array_of("u1")}, 2), "a dtype and bytes"),
    "a state of bytes": (b"cnumpy\ndtype\n(S'u1'\ntRT\xff\xff\0\0" + b"x" * 0xFFFF + b"b.", "not made of a tuple"),
    "an order that makes fields of objects": (ordered(b"O,"), "no order of bytes"),
    "an order that makes an array of arrays": (ordered(b"(1000000000,)"), "no order of bytes"),
    "an order of two": (ordered(b"<>"), "no order of bytes"),
    "a dtype of dates": (pickle.dumps({b"a": np.zeros(2, "M8[s]")}, 2), "other things than numbers"),
    "a dtype of text": (pickle.dumps({b"a": np.zeros(2, "U3")}, 2), "other things than numbers"),
    "a list": (pickle.dumps([1, 2], 2), "something else than a dictionary"),
    "nothing": (b"", "it ends too early"),
    "no end": (b"}", "it ends too early"),
    "an empty stack": (b".", "more from its stack than there is"),
    "below a mark": (b"}(0.", "its operation b'0'"),
    "bytes for ever": (b"\x8e" + b"\xff" * 8 + b"x", "it ends too early"),
    "gigabytes of bytes": (b"B\xff\xff\xff\xff" + b"x", "it ends too early"),
    "gigabytes of text": (b"\x8d\xff\xff\xff\xff\xff\0\0\0" + b"x", "it ends too early"),
    "a number of gigabytes": (b"\x8b\xff\xff\xff\x7f" + b"x", r"its operation b'\\x8b'"),
    "a million digits": (b"I" + b"1" * 10**6 + b"\n.", "a number of too many digits"),
    "a memo of a million digits": (b"}p" + b"1" * 10**6 + b"\n.", "a number of too many digits"),
    "a memo far away": (b"}r\xff\xff\xff\xff.", "it numbers more values than it can hold"),
    "a value appended to a tuple": (b")K\x01a.", "it appends to something else than a list"),
    "a character of 4 bytes": (b"}X\x04\0\0\0\xf0\x9f\x98\x80.", "a character that takes four bytes"),
    "a character of 4 bytes, escaped": (b"}V\\U0001f600\n.", "a character that takes four bytes"),
    "keys that collide": (b"}(\x8a\x08" + struct.pack("<Q", 2**61 - 1) + b"Nu.", "a key of a dictionary is not"),
    "a key without a value": (b"}(U\x01au.", "shorter"),
    "a line without an end": (b"S'" + b"x" * 1000, "subsection not found"),
    "text without quotes": (b"Sx\n.", "text without quotes"),
    "text in the wrong place": (b"}(]Nu.", "a key of a dictionary is not text"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_plain_arrays_do_not_need_is_refused(name, capsys):
    content, message = REFUSED[name]
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            read_pickle(content)
        assert tracemalloc.get_traced_memory()[1] < 2**19 + 8 * len(content)
    finally:
        tracemalloc.stop()
    assert "executed" not in capsys.readouterr().out


def encoding(text, count):
    """A pickle that encodes one text `count` times."""
    call = b"c_codecs\nencode\n(h\x01X\x06\0\0\0latin1tR"
    return b"}(U\x01a](X" + struct.pack("<I", len(text)) + text + b"q\x01" + call * count + b"eu."


BOMBS = {
    "values": (b"}(U\x01a](" + b"N" * 2**13 + b"eu.", "more than 4,096 operations"),
    "marks": (b"(" * 2**13, "more than 4,096 operations"),
    "lists in lists": (b"]" * 2**12 + b"a" * 2**12, "more than 4,096 operations"),
    "frames": (b"\x95" + b"\xff" * 8 + (b"\x95" + b"\0" * 8) * 2**13, "more than 4,096 operations"),
    "a text encoded again and again": (encoding(b"x" * 10**6, 500), "it encodes more text than it holds"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_no_more_memory_than_their_bytes(name, monkeypatch):
    monkeypatch.setattr(pickles, "MAX_OPERATIONS", 2**12)  # real ones: tests/stress/hostile_data.py
    content, message = BOMBS[name]
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            read_pickle(content)
        assert tracemalloc.get_traced_memory()[1] < 2**20 + 4 * len(content)
    finally:
        tracemalloc.stop()


def test_lists_that_hold_themselves_or_double_are_read_as_what_they_are():
    found = read_pickle(b"}U\x01a]q\x01h\x01as.")
    assert found[b"a"][0] is found[b"a"]
    steps = b"".join(b"](h\x01h\x01eq\x01" for _ in range(1000))  # 2^1000 elements for a reader that copies
    found = read_pickle(b"}U\x01a(]q\x01" + steps + b"ls.")
    assert len(found[b"a"][-1]) == 2


def test_the_limit_leaves_room_for_a_batch_of_cifar_10():
    """10,000 names and labels, in protocol 0, which takes the most operations."""
    batch = {b"filenames": [b"%d" % number for number in range(500)], b"labels": [1] * 500}
    operations = sum(1 for _ in pickletools.genops(pickle.dumps(batch, 0)))
    assert 20 * operations < pickles.MAX_OPERATIONS / 2
