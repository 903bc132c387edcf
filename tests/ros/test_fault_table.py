"""The table of faults in docs/reliability.md is that of the tests."""

from __future__ import annotations

from fault_table import declared, rows


def test_the_page_has_a_row_for_each_fault_that_is_tried_and_no_other() -> None:
    assert list(rows()) == declared()


def test_what_is_done_is_one_sentence_of_its_own() -> None:
    done = declared()
    assert len(set(done)) == len(done)
    assert [words for words in done if "\n" in words or "|" in words or not words.endswith(".")] == []
