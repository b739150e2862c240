"""The file: what is written is read, and no damage goes unseen."""

import json
import struct
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vael.errors import ConfigError, DataError, VaelError
from vael.pretrained.compress.container import START, Header, count_blocks, pack, unpack

HEADER = Header(
    (1, 4, 4), 17, 70, "none", 64, ((1, 2), (4, 1), (64, 1)), 5, "runs/a", "best", "m", "p",
    {"vael": "0"}, "e",
)  # fmt: skip
WORDS = np.arange(1, 40, dtype=np.uint32)
CONTENT = pack(HEADER, WORDS)
FILE = Path("x.vael")


def test_what_is_packed_is_unpacked():
    found = unpack(CONTENT, FILE)
    assert found.header == HEADER
    assert np.array_equal(found.words, WORDS)
    assert found.header.sizes == (1, 1, 4, 64)
    assert count_blocks(found.header.sizes) == HEADER.blocks
    length = len(json.dumps(asdict(HEADER), separators=(",", ":")))
    assert len(CONTENT) == START.size + length + 4 * len(WORDS)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 8 * len(CONTENT) - 1))
def test_every_flipped_bit_is_seen(bit):
    damaged = bytearray(CONTENT)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VaelError, match=r"x\.vael"):
        unpack(bytes(damaged), FILE)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(CONTENT) - 1), st.binary(max_size=9))
def test_every_cut_and_every_other_end_is_seen(length, end):
    damaged = CONTENT[:length] + end
    if damaged != CONTENT:
        with pytest.raises(VaelError, match=r"x\.vael"):
            unpack(damaged, FILE)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_anything_else_is_one_error(content):
    with pytest.raises(DataError, match=r"x\.vael"):
        unpack(content, FILE)


@pytest.mark.parametrize(
    "change",
    [
        {"count": 71},
        {"count": 10**15},
        {"blocks": ((64, 1), (65, 10**12))},
        {"blocks": ()},
        {"blocks": ((0, 1), (70, 1))},
        {"rows": 10**9},
        {"levels": 1},
        {"levels": "17"},
        {"kept": -1},
        {"shape": (1.5,)},
        {"run": None},
        {"versions": ["a"]},
    ],
    ids=str,
)
def test_a_header_with_a_right_digest_and_wrong_facts_is_refused(change):
    with pytest.raises(DataError, match="damaged or cut off"):
        unpack(pack(replace(HEADER, **change), WORDS), FILE)


def test_the_file_of_another_format_is_named_so():
    with pytest.raises(DataError, match="damaged or cut off"):
        unpack(CONTENT[:7], FILE)
    with pytest.raises(ConfigError, match="another version of vael"):
        unpack(b"vael-bb\x02" + CONTENT[8:], FILE)


def test_a_length_beyond_the_file_is_seen():
    content = CONTENT[:40] + struct.pack("<I", 2**31) + CONTENT[44:]
    with pytest.raises(DataError, match="digest"):
        unpack(content, FILE)
