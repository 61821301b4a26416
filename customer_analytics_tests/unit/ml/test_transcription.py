"""Which calls are listened to; the transcriber is a double here, because only what it is asked for matters."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customer_analytics.ml.transcription import GROUP, Row, new_transcripts
from customer_analytics.ports.speech.base import Transcriber, Transcript
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS

WORDLESS = {"dot": ".", "blank": " ", "dots": "… ?!", "unseen": "\u200b\u00a0", "note": "\N{EIGHTH NOTE}"}


class Listener(Transcriber):
    """Writes down file names and keeps which it was given."""

    def __init__(self, *, name: str = "ears-1") -> None:
        self.name = name
        self._heard: list[str] = []

    @property
    def model(self) -> str:
        return self.name

    def describe(self) -> str:
        return "ears"

    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        for path in paths:
            self._heard.append(path.name)
            if path.name == "broken":
                yield Transcript("failed", error="is no audio")
            elif path.name in WORDLESS:
                yield Transcript("ok", WORDLESS[path.name], "en", 1.5)
            else:
                yield Transcript("ok", f"I am {path.name}", "en", 1.5)


def call(path: str, content: str, customer: str | None = "1") -> Row:
    return {"RELATIVE_PATH": path, "AUDIO_HASH": content, "CUSTOMER_ID": customer}


@contextmanager
def audio(calls: Sequence[Row]) -> Iterator[list[Path]]:
    yield [Path(call["AUDIO_HASH"]) for call in calls]


def listen(calls: list[Row], known: Sequence[Row], listener: Listener) -> list[list[Row]]:
    return [group.to_pylist() for group in new_transcripts(calls, known, listener, audio)]


def test_new_calls_are_listened_to_and_known_ones_are_not() -> None:
    listener = Listener()
    (first,) = listen([call("1-01.mp3", "aa"), call("2-01.mp3", "bb", "2")], [], listener)
    assert [(row["RELATIVE_PATH"], row["CUSTOMER_ID"], row["TRANSCRIPT"]) for row in first] == [
        ("1-01.mp3", "1", "I am aa"),
        ("2-01.mp3", "2", "I am bb"),
    ]
    assert list(first[0]) == CALL_TRANSCRIPTS.column_names
    (second,) = listen([call("1-01.mp3", "aa"), call("2-01.mp3", "cc", "2")], first, listener)
    assert [row["TRANSCRIPT"] for row in second] == ["I am cc"]
    assert listener._heard == ["aa", "bb", "cc"]


def test_nothing_new_gives_no_group() -> None:
    listener = Listener()
    (rows,) = listen([call("1-01.mp3", "aa")], [], listener)
    assert listen([call("1-01.mp3", "aa")], rows, listener) == []


def test_the_same_audio_under_two_names_is_listened_to_once() -> None:
    listener = Listener()
    (rows,) = listen([call("a.mp3", "aa", None), call("b.mp3", "aa", "7")], [], listener)
    assert [(row["RELATIVE_PATH"], row["CUSTOMER_ID"], row["TRANSCRIPT"]) for row in rows] == [
        ("a.mp3", None, "I am aa"),
        ("b.mp3", "7", "I am aa"),
    ]
    (renamed,) = listen([call("c.mp3", "aa", "8")], rows, listener)
    assert [row["RELATIVE_PATH"] for row in renamed] == ["c.mp3"]
    assert listener._heard == ["aa"]


def test_a_failed_call_has_a_row_with_its_error_and_is_not_tried_again() -> None:
    listener = Listener()
    (rows,) = listen([call("1-01.mp3", "broken"), call("1-02.mp3", "cc")], [], listener)
    assert [(row["STATUS"], row["ERROR"], row["TRANSCRIPT"]) for row in rows] == [
        ("failed", "is no audio", None),
        ("ok", None, "I am cc"),
    ]
    assert listen([call("1-01.mp3", "broken")], rows, listener) == []


def test_what_has_no_letter_or_digit_is_empty() -> None:
    (rows,) = listen([call(f"{name}.mp3", name) for name in (*WORDLESS, "7")], [], Listener())
    assert {row["RELATIVE_PATH"]: (row["STATUS"], row["TRANSCRIPT"], row["LANGUAGE"]) for row in rows} == {
        "7.mp3": ("ok", "I am 7", "en"),
        **{f"{name}.mp3": ("empty", None, None) for name in WORDLESS},
    }


def test_a_call_of_another_customer_now_has_another_row_and_is_not_listened_to_again() -> None:
    listener = Listener()
    (rows,) = listen([call("1-01.mp3", "aa", "1")], [], listener)
    (again,) = listen([call("1-01.mp3", "aa", "2")], rows, listener)
    assert [(row["CUSTOMER_ID"], row["TRANSCRIPT"]) for row in again] == [("2", "I am aa")]
    assert listener._heard == ["aa"]


def test_another_model_listens_again() -> None:
    (rows,) = listen([call("1-01.mp3", "aa")], [], Listener())
    (again,) = listen([call("1-01.mp3", "aa")], rows, Listener(name="ears-2"))
    assert again[0]["MODEL"] == "ears-2"


def test_work_is_committed_in_groups_so_that_a_kill_loses_at_most_one() -> None:
    calls = [call(f"1-{n:02}.mp3", f"{n:02}") for n in range(2 * GROUP + 3)]
    listener = Listener()
    groups = new_transcripts(calls, [], listener, audio)
    committed: list[dict[str, Any]] = next(groups).to_pylist()
    assert len(listener._heard) == GROUP == len(committed)
    rest = listen(calls, committed, listener)
    assert [len(group) for group in rest] == [GROUP, 3]
    assert len(listener._heard) == len(set(listener._heard)) == len(calls)
