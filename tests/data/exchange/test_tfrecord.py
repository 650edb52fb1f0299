import io

import numpy as np
import pytest
from tests.data.exchange.refusals import refusal

from so_arm.data.exchange import tf_example
from so_arm.data.exchange.tfrecord import masked_crc, read_records, write_record

RECORDS = [b"one", b"", bytes(range(256)) * 40]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "some.tfrecord"
    with path.open("wb") as target:
        for data in RECORDS:
            write_record(target, data)
    return path


def read(path):
    return list(read_records(path))


def test_records_come_back(file):
    assert read(file) == RECORDS


def test_sums_are_masked_crc_32c():
    """CRC-32C of the digits is known: E3069283."""
    target = io.BytesIO()
    write_record(target, b"one")
    assert target.getvalue()[:8] == b"\x03\0\0\0\0\0\0\0"
    assert masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize(("at", "said"), [(3, "length of record 0"), (13, "data of record 0"), (-3, "record 2")])
def test_a_damaged_record_is_named(file, at, said):
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    words = refusal(read, file)
    assert said in words
    assert "CRC" in words


@pytest.mark.parametrize("kept", [5, 14, 22, -1])
def test_a_cut_off_record_is_named(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    assert "is cut off in record" in refusal(read, file)


def test_example_has_the_wire_format_of_tensorflow():
    """Field numbers and packing of tf.train.Example, byte by byte."""
    encoded = tf_example.encode({"a": [b"xy"]})
    assert encoded == b"\x0a\x0d\x0a\x0b\x0a\x01a\x12\x06\x0a\x04\x0a\x02xy"
    assert tf_example.encode({"f": np.array([1.0])}).endswith(b"\x12\x06\x0a\x04\x00\x00\x80\x3f")
    assert tf_example.encode({"i": np.array([3, 300])}).endswith(b"\x1a\x05\x0a\x03\x03\xac\x02")


def test_example_comes_back():
    values = {"b": [b"", b"\xff\x00"], "f": np.array([[1.5, -2.0]]), "i": np.array([-1, 2**40]), "t": np.array([True])}
    found = tf_example.decode(tf_example.encode(values))
    assert found["b"] == values["b"]
    assert found["f"].tolist() == [1.5, -2.0]
    assert found["i"].tolist() == [-1, 2**40]
    assert found["t"].tolist() == [1]


def test_what_is_no_example_is_refused():
    with pytest.raises(ValueError, match="rror"):
        tf_example.decode(b"\x0a\xff\xff no")
