"""What has to be known of figures to take them for what they are."""

from __future__ import annotations

from typing import Iterator, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures.agreement import MOST_LAG_S, is_grasp
from pspgrasp.bag.recording import Selection
from pspgrasp.bag.results.result import RecordingResult

LISTED = 6  # recordings


def remarks(results: Sequence[RecordingResult], selection: Selection) -> Tuple[str, ...]:
    """Return it in sentences, for people."""
    topics = sorted({topic for result in results for topic in result.recorded})
    return (*_of_cameras(results), *(line for topic in topics for line in _of_topic(topic, results, selection)))


def _of_cameras(results: Sequence[RecordingResult]) -> Iterator[str]:
    guessed = [result.recording for result in results if result.has_guessed_camera]
    if guessed:
        named = ", ".join(guessed[:LISTED]) + (f" and {len(guessed) - LISTED} more" if len(guessed) > LISTED else "")
        yield (
            f"Nobody recorded what camera took {named}: it is guessed, and none of their figures in millimetres, nor "
            "what follows from them, counts. --camera FX FY CX CY or a camera.json tells it."
        )


def _of_topic(topic: str, results: Sequence[RecordingResult], selection: Selection) -> Iterator[str]:
    columns = [result.recorded[topic] for result in results if topic in result.recorded]
    if not all(np.all(one["exact"]) for one in columns):
        yield (
            f"Messages on {topic} have no stamp: what is known is when the bag received them. Each is taken to be of "
            f"the last image that was received before it, at most {MOST_LAG_S:g} s before."
        )
    if any(np.any(~np.isnan(one["width_px"])) for one in columns):
        width = selection.command_width
        meant = "the image" if width == "image" else f"the map of GG-CNN's node {width}"
        yield f"Widths on {topic} are taken for pixels of {meant}; --command-width says so."
    nowhere = sum(int(np.count_nonzero(~is_grasp(one))) for one in columns)
    if nowhere:
        every = sum(len(one) for one in columns)
        yield f"{nowhere} of {every} messages on {topic} have z of 0 or less, which is no grasp: they count nowhere."
