# SPDX-License-Identifier: MIT
"""The reading interface and the decoding, on recorded memory: no gdb needed."""
import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from multios import layout, manifest  # noqa: E402
from multios.access import RecordedTarget, Unreadable, walk_list  # noqa: E402

HEAD, A, B, C = 0x1000, 0x2000, 0x3000, 0x4000


def links(**nodes):
    """Memory with one struct list_node per keyword: name=(next, prev)."""
    at = {"head": HEAD, "a": A, "b": B, "c": C}
    return RecordedTarget({at[name]: struct.pack("<QQ", *pair) for name, pair in nodes.items()})


def test_list_in_order():
    target = links(head=(A, B), a=(B, HEAD), b=(HEAD, A))
    assert walk_list(target, HEAD, 10) == ([A, B], None)


def test_empty_list():
    assert walk_list(links(head=(HEAD, HEAD)), HEAD, 10) == ([], None)


@pytest.mark.parametrize("nodes, found, words", [
    ({"head": (A, B), "a": (B, HEAD), "b": (A, A)}, [A, B], "cycle at 0x2000"),
    ({"head": (A, B), "a": (0, 0)}, [A], "NULL link"),
    ({"head": (A, B), "a": (B, HEAD)}, [A, B], "0x3000 is not in the recording"),
    ({"head": (A, C), "a": (B, HEAD), "b": (C, A), "c": (HEAD, B)}, [A, B], "more than 2"),
])
def test_broken_list_ends_and_says_why(nodes, found, words):
    limit = 2 if "more than" in words else 10
    nodes_found, problem = walk_list(links(**nodes), HEAD, limit)
    assert nodes_found == found
    assert words in problem


def sample_layout():
    inner = layout.Struct("inner", 8, {
        "kind": (0, layout.Scalar(4, names={2: "KIND_TWO"})),
        "low": (4, layout.Bits(4, 0, 3)),
        "high": (4, layout.Bits(4, 3, 5)),
    })
    return layout.Struct("sample", 40, {
        "name": (0, layout.Array(layout.Scalar(1), 8, text=True)),
        "value": (8, layout.Scalar(8, signed=True)),
        "numbers": (16, layout.Array(layout.Scalar(2), 3)),
        "flag": (22, layout.Scalar(1, boolean=True)),
        "inner": (24, inner),
        "next": (32, layout.Pointer("sample")),
    })


def sample():
    data = b"abc\0zzzz" + struct.pack("<qHHHBx", -5, 1, 2, 3, 1) + \
        struct.pack("<IIQ", 2, 0b10101_110, 0xffff800000001000)
    target = RecordedTarget({0x5000: data}, layouts={"sample": sample_layout()})
    return target.struct("sample", 0x5000)


def test_struct_is_decoded_whole():
    value = sample()
    assert (value.name, value.value, value.numbers, value.flag) == ("abc", -5, [1, 2, 3], True)
    assert value.next == 0xffff800000001000
    assert (value.inner.low, value.inner.high) == (0b110, 0b10101)
    assert value.inner.name_of("kind") == "KIND_TWO"


def test_addresses_of_fields():
    value = sample()
    assert value.inner.address == 0x5018
    assert value.address_of("inner.low") == 0x501c


def test_missing_field_says_that_scripts_do_not_fit():
    with pytest.raises(AttributeError, match="struct sample has no field colour.*do not fit"):
        sample().colour


def test_text_is_bounded_and_stops_at_the_end():
    target = RecordedTarget({0x6fc0: b"x" * 64 + b"hello\0" + b"y" * 90})
    assert target.text(0x7000) == "hello"
    assert target.text(0x6fc0, limit=16) == "x" * 16 + "…"
    with pytest.raises(Unreadable):
        target.text(0x9000)


def kernel_with_manifest(version=manifest.VERSION, magic=manifest.MAGIC, identity=b"\x12" * 20):
    """Recorded memory of a kernel whose symbol file has the build id 1212…."""
    kind = layout.Struct("debug_manifest", 32, {
        "version": (16, layout.Scalar(4)), "build_id": (24, layout.Pointer())})
    return RecordedTarget(
        {HEAD: magic + struct.pack("<IIQ", version, 64, A), A: bytes(16) + identity},
        symbols={"debug_manifest": HEAD}, layouts={"debug_manifest": kind}, build="12" * 20)


def test_a_kernel_that_fits_gives_no_complaint():
    assert manifest.complaint(kernel_with_manifest()) is None


@pytest.mark.parametrize("what, words", [
    ({"version": manifest.VERSION + 1},
     f"manifest of version {manifest.VERSION + 1}, these scripts read version {manifest.VERSION}"),
    ({"identity": b"\x34" * 20}, "runs build " + "34" * 20 + ", gdb has the symbols of build 1212"),
    ({"magic": b"something else!!"}, "something else than a MultiOS kernel"),
])
def test_what_does_not_fit_is_said(what, words):
    assert words in manifest.complaint(kernel_with_manifest(**what))


def test_scripts_read_the_version_that_the_kernel_has():
    header = (Path(__file__).parents[2] / "kernel/manifest.h").read_text()
    assert f"#define MANIFEST_VERSION {manifest.VERSION}u\n" in header
