"""The command `pspgrasp study`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, Dict, List

from pspgrasp.data.commands import check_bounds
from pspgrasp.data.output import make_folder, write_text

BOUNDS = {"seeds": (1, 100), "scenes": (8, 100_000), "minutes": (0, 100_000)}

DESCRIPTION = """\
Train the networks of the study from several seeds, judge them on generated scenes, and write the page of answers. The
networks of one question and one seed are one piece: they are trained side by side on the same batches, and leave one
file in OUTPUT. What is there already isn't done again, so the same command goes on where it was stopped."""

EXAMPLES = """\
examples:
  pspgrasp study config/study/full.yaml --output runs/study --page docs/study.md
  pspgrasp study config/study/small.yaml --questions scale context --seeds 3
  pspgrasp study config/study/full.yaml --minutes 9        ends before a piece that would not fit any more"""


def add_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `study` to the command line."""
    command = commands.add_parser(
        "study",
        help="which pyramid, and does it help? many networks, seed by seed",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("config", type=Path, help="training config of the base network (see: config/study)")
    command.add_argument("--output", type=Path, default=Path("runs/study"), help="results (default: runs/study)")
    command.add_argument("--questions", nargs="+", metavar="NAME", help="which of the study's questions (default: all)")
    command.add_argument("--seeds", type=int, default=3, help="how many, from 0 (default: 3)")
    command.add_argument("--scenes", type=int, default=512, help="on which networks are judged (default: 512)")
    command.add_argument(
        "--minutes",
        type=float,
        default=0.0,
        help="start no piece that would end later, by the longest so far; the first always starts",
    )
    command.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    command.add_argument("--page", type=Path, help="write the page of answers (Markdown), its plots beside it")
    command.set_defaults(run=_study)


def _study(parsed: argparse.Namespace) -> None:
    from pspgrasp.runtimes.eager import choose_device
    from pspgrasp.study.piece import Piece, read_results, refuse_other_study, run_piece, write_result
    from pspgrasp.study.variants import QUESTIONS, question_of
    from pspgrasp.training.config import read_config

    check_bounds(parsed, BOUNDS)
    base, names = read_config(parsed.config), parsed.questions or list(QUESTIONS)
    for name in names:
        question_of(name)
    device = choose_device(parsed.device)
    make_folder(parsed.output)
    # Seed by seed, so that each question has an answer before any has a sharp one.
    pieces = [Piece(name, seed, parsed.scenes) for seed in range(parsed.seeds) for name in names]
    began_s = time.monotonic()
    longest_s = 0.0
    for piece in pieces:
        path = parsed.output / piece.file_name
        if path.exists():
            refuse_other_study(path, piece, base)
            continue
        if parsed.minutes and longest_s and time.monotonic() - began_s + longest_s > 60 * parsed.minutes:
            print(f"no time left for {piece.question}, seed {piece.seed}; the same command goes on from here")
            break
        piece_s = time.monotonic()
        write_result(run_piece(piece, base, device), path)
        longest_s = max(longest_s, time.monotonic() - piece_s)
        print(f"{path}: {piece.question}, seed {piece.seed}, {time.monotonic() - piece_s:.0f} s", flush=True)
    if parsed.page:
        _write_page(parsed, read_results(parsed.output))


def _write_page(parsed: argparse.Namespace, results: List[Dict[str, Any]]) -> None:
    from pspgrasp.study.plots import draw_plots
    from pspgrasp.study.report import page

    command = f"pspgrasp study {parsed.config} --seeds {parsed.seeds} --page {parsed.page}"
    text = page(results, command)
    draw_plots(results, parsed.page.parent / "pictures")
    write_text(parsed.page, text)
    print(f"{parsed.page}: {len(results)} pieces")
