"""Damage to what is whole: bytes, words of a text, values of a tree. Each is small, so that readers go deep."""

from __future__ import annotations

import copy
import re
import struct
from typing import Any, Dict, List, Tuple

from hypothesis import strategies as st

NUMBERS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**40, 2**63 - 1, 2**64 - 1]
#: Words that mean something else than they look like, to some reader.
WORDS = [
    "", "0", "-1", "1e999", "nan", "inf", "-inf", "1e308", "-0", "1_0", "9" * 25, "9" * 5000, "0x" + "f" * 5000, "\0",
    "null", "true", "[", "{", "]", "}", "&a [*a]", "!!int ''", "!!bool x", "!!python/object/apply:os.system [ls]",
    "2001-99-99", "../../etc/passwd", "/etc/passwd", "/dev/zero", "~root", "file:///etc/passwd", "\ud7ff", "é\u2028x",
    "²", "٣", "%s%n", "a" * 300, "[" * 1000, "hf-hub:timm/x", "local-dir:/etc",
]  # fmt: skip
TOKEN = re.compile(r"[^\s,;:=<>\"'\[\]{}()/]+")

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([*NUMBERS, 10**400, -(10**400)])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(WORDS)
)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged(draw: Any, whole: bytes) -> bytes:
    """Return bytes with a few faults: flipped, overwritten, cut, put in, taken out, repeated, other numbers."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        # Heads lie in front, and say what the rest is.
        at = draw(st.integers(0, min(len(data), 400)) | st.integers(0, len(data)))
        how = draw(st.sampled_from(["flip", "write", "number", "number", "insert", "remove", "repeat", "cut"]))
        span = draw(st.integers(1, 40))
        if how == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "write":
            data[at : at + span] = draw(st.binary(min_size=1, max_size=16))
        elif how == "number":
            number, code = (
                draw(st.sampled_from(NUMBERS)),
                draw(st.sampled_from(["<I", ">I", "<H", ">H", "<Q", ">Q", "B"])),
            )
            packed = struct.pack(code, number % 2 ** (8 * struct.calcsize(code)))
            data[at : at + len(packed)] = packed
        elif how == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=16))
        elif how == "remove":
            del data[at : at + span]
        elif how == "repeat":
            data[at:at] = data[at : at + span * 8]
        elif how == "cut":
            del data[at:]
    return bytes(data)


@st.composite
def retold(draw: Any, whole: str) -> bytes:
    """Return a text of which a few words are others, gone or twice there, as bytes, not all of them UTF-8."""
    text = whole
    for _ in range(draw(st.integers(1, 4))):
        found = [match.span() for match in TOKEN.finditer(text)]
        begin, end = draw(st.sampled_from(found)) if found else (0, 0)
        word = draw(st.sampled_from(WORDS) | st.integers().map(str) | st.floats().map(str) | st.text(max_size=6))
        text = text[:begin] + draw(st.sampled_from([word, word, word, text[begin:end] + " " + word])) + text[end:]
    data = text.encode("utf-8", "surrogatepass")
    return draw(damaged(data)) if draw(st.integers(0, 4)) == 0 else data


@st.composite
def changed(draw: Any, whole: Any) -> Any:
    """Return a tree of plain values of which a few are others, gone, or new."""
    tree = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        places = _places(tree)
        if not places:
            break
        inside, key = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["set", "set", "set", "remove", "add"]))
        if how == "set":
            inside[key] = draw(trees)
        elif how == "remove":
            del inside[key]
        elif isinstance(inside, dict):
            inside[draw(st.text(max_size=8) | st.sampled_from(WORDS))] = draw(trees)
        else:
            inside.append(draw(trees))
    return tree


def _places(tree: Any) -> List[Tuple[Any, Any]]:
    """Return every place of a tree: what holds it, and its key or number there."""
    items: List[Tuple[Any, Any]] = []
    if isinstance(tree, (dict, list)):
        keys: Any = tree if isinstance(tree, dict) else range(len(tree))
        for key in keys:
            items += [(tree, key), *_places(tree[key])]
    return items


def nested(depth: int) -> Dict[str, Any]:
    """Return a tree so deep that whoever walks it by calling itself comes to an end."""
    tree: Any = 0
    for _ in range(depth):
        tree = [tree]
    return {"model": tree}
