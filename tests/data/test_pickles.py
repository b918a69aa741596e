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


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("write", [pickle._Pickler, pickle.Pickler], ids=["Python", "C"])
def test_what_python_3_writes_is_read_under_each_protocol(protocol, write):
    file = io.BytesIO()
    write(file, protocol).dump(BATCH)
    same(read_pickle(file.getvalue()), BATCH)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(IMAGES),
        np.arange(6, dtype="u1").reshape(1, 2, 3),
        np.zeros((1, 3072), "u1"),
        np.uint8([7]).reshape(1, 1, 1, 1),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_arrays_of_each_shape_and_order_are_read(protocol, array):
    same(read_pickle(pickle.dumps({b"a": array, b"b": array}, protocol)), {b"a": array, b"b": array})


@pytest.mark.parametrize("protocol", range(2, 6))
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


def test_what_python_2_wrote_is_read():
    same(read_pickle(BY_PYTHON_2[2]), BATCH_OF_PYTHON_2)


@pytest.mark.parametrize("content", [BY_PYTHON_2[0], BY_PYTHON_2[1], pickle.dumps(BATCH, 0), pickle.dumps(BATCH, 1)])
def test_the_oldest_protocols_are_refused(content):
    with pytest.raises(ValueError, match="its operation (DICT|INT) is one that no array of uint8 needs"):
        read_pickle(content)


@pytest.mark.parametrize(
    "array", [np.arange(3), np.float32([0.5]), np.array([True]), np.int8([1]), np.uint16([1]), np.array(["a"])], ids=str
)
@pytest.mark.parametrize("protocol", range(2, 6))
def test_arrays_of_other_numbers_are_refused(protocol, array):
    with pytest.raises(ValueError, match="an array holds other things than uint8"):
        read_pickle(pickle.dumps({b"a": array}, protocol))


def test_an_array_in_another_order_of_axes_is_refused():
    """NumPy 2.3 writes such an array with a fifth argument, which says what the order is."""
    for order in ("K", "A"):
        content = pickle.dumps({b"a": IMAGES}, 5).replace(b"\x8c\x01C", b"\x8c\x01" + order.encode())
        with pytest.raises(ValueError, match="in another order"):
            read_pickle(content)


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
        with pytest.raises(ValueError, match="an array holds other things than uint8"):
            read_pickle(content)
        (tmp_path / name).write_bytes(content)
    done = python("-c", READ, *sorted(tmp_path.iterdir()))
    assert (done.returncode, done.stdout) == (0, "refused\n" * 3)


def ordered(order):
    """An array whose dtype has this text for the order of its bytes: NumPy would read "O," + "u1" as two fields."""
    state = b"(K\x03T" + struct.pack("<I", len(order)) + order + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\0tb"
    dtype = b"cnumpy\ndtype\nU\x02u1\x85R" + state
    return b"}U\x01acnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\0\x85" + dtype + b"\x89U\0tbs."


U1 = np.dtype("u1")
REFUSED = {
    "a function": (pickle.dumps({b"a": Call(print, ("executed",))}, 2), r"it asks for \w+.print, which no data set"),
    "an import": (b"cos\nsystem\n(U\x02idtR.", "it asks for os.system"),
    "an import of protocol 4": (b"\x8c\x02os\x8c\x06system\x93(U\x02idtR.", "it asks for os.system"),
    "an object": (b"}U\x01acnumpy\nndarray\n)\x81s.", "its operation NEWOBJ is one"),
    "an instance": (b"(i__main__\nPoint\n.", "its operation INST"),
    "an extension": (b"\x82\x01.", "its operation EXT1"),
    "a persistent name": (b"Pname\n.", "its operation PERSID"),
    "a buffer outside": (b"\x97.", "its operation NEXT_BUFFER"),
    "a call of text": (b"U\x05print)R.", "it calls something else than a function"),
    "a call of text that is a name": (b"U\x05dtypeU\x02u1\x85R.", "it calls something else than a function"),
    "text as arguments": (b"cnumpy\ndtype\nT\xff\xff\0\0" + b"x" * 0xFFFF + b"R.", "it calls something else"),
    "numpy.ndarray": (pickle.dumps({b"a": Call(np.ndarray, ((10**9,), "u1"))}, 2), "it calls numpy.ndarray"),
    "another encoding": (pickle.dumps({b"a": Call(codecs.encode, ("x" * 9, "hex"))}, 2), "it encodes text in another"),
    "a huge array": (pickle.dumps({b"a": array_of(U1, (10**9,))}, 2), "a shape that does not fit 32 bytes"),
    "a larger array": (pickle.dumps({b"a": array_of(U1, (10**12,))}, 2), "its operation LONG1"),
    "a smaller array": (pickle.dumps({b"a": array_of(U1, (4,))}, 2), "does not fit 32 bytes"),
    "huge axes": (pickle.dumps({b"a": array_of(U1, (2**31 - 1,) * 4)}, 2), "does not fit 32 bytes"),
    "a thousand axes": (pickle.dumps({b"a": array_of(U1, (2**31 - 1,) * 1000)}, 2), "does not fit 32 bytes"),
    "a negative axis": (pickle.dumps({b"a": array_of(U1, (-4, -8))}, 2), "does not fit 32 bytes"),
    "a shape of bytes": (pickle.dumps({b"a": array_of(U1, b"\x04\x08")}, 3), "does not fit 32 bytes"),
    "text for numbers": (pickle.dumps({b"a": array_of(U1, (4,), "text")}, 3), "not made of uint8 and bytes"),
    "an array of no dtype": (pickle.dumps({b"a": array_of("u1")}, 2), "not made of uint8 and bytes"),
    "a state of bytes": (b"cnumpy\ndtype\nU\x02u1\x85RT\xff\xff\0\0" + b"x" * 0xFFFF + b"b.", "not made of a tuple"),
    "an order that makes fields of objects": (ordered(b"O,"), "other things than uint8"),
    "an order that makes an array of arrays": (ordered(b"(1000000000,)"), "other things than uint8"),
    "an order of two": (ordered(b"<>"), "other things than uint8"),
    "a dtype of dates": (pickle.dumps({b"a": np.zeros(2, "M8[s]")}, 2), "other things than uint8"),
    "a list": (pickle.dumps([1, 2], 2), "something else than a dictionary"),
    "nothing": (b"", "exhausted"),
    "no end": (b"}", "exhausted"),
    "an empty stack": (b".", "pop from empty list"),
    "below a mark": (b"}(0.", "its operation POP"),
    "a mark that is not there": (b"}t.", "pop from empty list"),
    "a value that was not kept": (b"}h\x07.", "7"),
    "bytes for ever": (b"\x8e" + b"\xff" * 8 + b"x", "byte count"),
    "gigabytes of bytes": (b"B\xff\xff\xff\xff" + b"x", "only 1 remain"),
    "gigabytes of text": (b"\x8d\xff\xff\xff\xff\xff\0\0\0" + b"x", "only 1 remain"),
    "a number of gigabytes": (b"\x8b\xff\xff\xff\x7f" + b"x", "not enough data"),
    "a million digits": (b"I" + b"1" * 10**5 + b"\n.", "digits|its operation INT"),
    "a value appended to a tuple": (b")K\x01a.", "it appends to something else than a list"),
    "a value set in a list": (b"]U\x01aK\x01s.", "a key of a dictionary is not text"),
    "a number as a key": (b"}(K\x01Nu.", "a key of a dictionary is not text"),
    "a key without a value": (b"}(U\x01au.", "shorter"),
    "a line without an end": (b"S'" + b"x" * 1000, "no newline"),
    "text in the wrong place": (b"}(]Nu.", "a key of a dictionary is not text"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_plain_arrays_do_not_need_is_refused(name, capsys):
    content, message = REFUSED[name]
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, LookupError), match=message):
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
    found = read_pickle(b"}U\x01a](]q\x01" + steps + b"es.")
    assert len(found[b"a"][-1]) == 2


def test_the_limit_leaves_room_for_a_batch_of_cifar_10():
    """10,000 names and labels, in protocol 2, which takes the most operations."""
    batch = {b"filenames": [b"%d" % number for number in range(500)], b"labels": [1] * 500}
    operations = sum(1 for _ in pickletools.genops(pickle.dumps(batch, 2)))
    assert 20 * operations < pickles.MAX_OPERATIONS
