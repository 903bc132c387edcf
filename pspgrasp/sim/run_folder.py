"""The folder of a run: one line for each scene, so that a stopped run goes on where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type

from filelock import BaseFileLock, FileLock, Timeout

from pspgrasp.data.output import make_folder, write_text
from pspgrasp.errors import DataError, PspGraspError
from pspgrasp.sim.records import SceneRecord
from pspgrasp.whole_file import whole_file

HEADER, LINES, LOCK = "run.json", "scenes.jsonl", ".lock"
CELLS = "cells"  # of the header: name -> all that makes the condition


class RunFolder:
    """The folder of a run. It is locked until it is closed, best by a `with` statement: two runs would do all twice.

    Attributes:
        folder: Which.
        appended: Records that were written since it was opened.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        """Make the folder, or open it if its run is the one that the header tells of; it may get more cells.

        Raises:
            PspGraspError: It can't be made or read, or another run is at work there.
            DataError: It holds another run; names what differs.
        """
        self.folder = folder
        self.appended: List[SceneRecord] = []
        make_folder(folder)
        self._lock = _locked(folder)
        try:
            _write_header(folder, json.loads(json.dumps(header)))
        except PspGraspError:
            self.close()
            raise

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others have it."""
        self._lock.release()

    def records(self) -> List[SceneRecord]:
        """Return what is there, as it was written; a line that was cut off is removed from the file.

        Raises:
            DataError: A line is no record, or tells of a scene that another one tells of; names it.
            PspGraspError: It can't be read or written.
        """
        place = self.folder / LINES
        if not place.exists():
            return []
        whole, _, cut = _read(place).rpartition("\n")
        if cut:  # a run was killed, or the disk was full, in the middle of a line
            _shorten(place, len(cut.encode()))
        found: Dict[Tuple[str, int], SceneRecord] = {}
        for line_number, line in enumerate(whole.splitlines(), 1):
            record = _record(line, f"{place}:{line_number}")
            if found.setdefault((record.cell, record.number), record) is not record:
                scene = f"{record.cell} {record.number}"
                raise DataError(f"{place}:{line_number} tells of scene {scene}, as a line before does; remove one")
        return list(found.values())

    def append(self, record: SceneRecord) -> None:
        """Write a record at the end.

        Raises:
            PspGraspError: The disk says no; what was there before stays.
        """
        place = self.folder / LINES
        try:
            with place.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record.to_tree()) + "\n")
        except OSError as error:
            raise PspGraspError(f"{place} can't be written: {error.strerror or error}") from error
        self.appended.append(record)


def _locked(folder: Path) -> BaseFileLock:
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PspGraspError(f"another run is at work in {folder}; let it end, or give another folder") from None
    except (OSError, NotImplementedError) as error:
        raise PspGraspError(f"{folder / LOCK} can't be locked: {error}") from error
    return lock


def _write_header(folder: Path, header: Dict[str, Any]) -> None:
    place = folder / HEADER
    before = _read_header(place) if place.exists() else None
    whole = _joined(before, header, folder)
    if whole != before:
        with whole_file(place) as part:
            write_text(part, json.dumps(whole, indent=1) + "\n")


def _record(line: str, place: str) -> SceneRecord:
    try:
        return SceneRecord.from_tree(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{place} is no record of a scene ({error!r}); remove the line") from error


def _shorten(place: Path, count: int) -> None:
    """Remove so many bytes at the end; nothing else is written, so that a full disk takes nothing away."""
    try:
        os.truncate(place, place.stat().st_size - count)
    except OSError as error:
        raise PspGraspError(f"{place} can't be written: {error.strerror or error}") from error


def _read(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{place} can't be read: {error}") from error


def _read_header(place: Path) -> Dict[str, Any]:
    try:
        tree = json.loads(_read(place))
    except ValueError as error:
        raise DataError(f"{place} is no JSON: {error}; give another folder") from error
    if not isinstance(tree, dict) or not isinstance(tree.get(CELLS), dict):
        raise DataError(f"{place} is not of a run of today's `pspgrasp sim`; give another folder")
    return tree


def _joined(before: Optional[Dict[str, Any]], header: Dict[str, Any], folder: Path) -> Dict[str, Any]:
    """Return the header of a run that may have got more cells."""
    if before is None:
        return header
    cells = {**before[CELLS], **header[CELLS]}
    different = _difference(before, {**header, CELLS: {name: cells[name] for name in before[CELLS]}})
    if different:
        raise DataError(f"{folder} holds a run with {different}; give another folder")
    return {**header, CELLS: cells}


def _difference(there: Any, here: Any, place: str = "") -> str:
    """Say where two headers first differ, and how; empty if they don't."""
    if isinstance(there, dict) and isinstance(here, dict):
        inner = (_difference(there.get(key), here.get(key), f"{place} {key}") for key in {**there, **here})
        return next((found for found in inner if found), "")
    told = ["none" if value is None else json.dumps(value) for value in (there, here)]
    return "" if there == here else f"another{place}: {told[0]} there, {told[1]} here"
