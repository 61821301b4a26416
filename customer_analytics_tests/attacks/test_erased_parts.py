"""What an erasure is made of: collections written anew, rejected rows that are the customer's, temporary folders."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

from customer_analytics import temporary
from customer_analytics.damage import DamagedError
from customer_analytics.erasure import history, pending
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.erasure.search import search
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import LoadedFile, parse_file
from customer_analytics.ml.training_set import text_hash
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics_tests.contract.vector_stores.comments import COMMENTS, comment, table

SECRET = "frobnicaldus"
FILES = {file.name: file for file in SOURCE_FILES}


def holding(folder: Path) -> list[str]:
    """The files with the secret, looked for without the product."""
    return [path.name for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.fixture
def store(tmp_path: Path) -> LanceVectorStore:
    """A collection of which the objects with the secret are deleted, and in which they still are."""
    store = LanceVectorStore(path=str(tmp_path / "vectors"))
    store.ensure_collection(COMMENTS)
    secret = [comment(number, review_text=f"{SECRET} {number}") for number in range(3)]
    store.upsert(COMMENTS, table(secret + [comment(number) for number in range(3, 40)]))
    store.maintain(COMMENTS)
    store.delete(COMMENTS, [row["id"] for row in secret])
    store.maintain(COMMENTS)
    assert holding(tmp_path)
    return store


def contents(store: LanceVectorStore) -> list[dict[str, Any]]:
    return pa.Table.from_batches(store.scan(COMMENTS), COMMENTS.arrow_schema).sort_by("id").to_pylist()


def test_deleted_objects_are_in_no_file_of_a_collection_that_was_purged(
    store: LanceVectorStore, tmp_path: Path
) -> None:
    before = contents(store)
    store.purge(COMMENTS)
    assert holding(tmp_path) == []
    assert contents(store) == before
    assert len(before) == 37
    assert store.search_hybrid(COMMENTS, "text", before[0]["vector"], 5)


class _Killed(BaseException):
    """Ends a purge where a kill would."""


@pytest.mark.parametrize("step", ["update", "create_index", "optimize"])
def test_a_purge_that_is_killed_leaves_the_collection_whole_and_is_completed_by_the_next(
    store: LanceVectorStore, tmp_path: Path, step: str
) -> None:
    before = contents(store)
    with patch(f"lancedb.table.LanceTable.{step}", side_effect=_Killed), suppress(_Killed):
        store.purge(COMMENTS)
    assert contents(store) == before
    store.purge(COMMENTS)
    assert (holding(tmp_path), contents(store)) == ([], before)


def test_a_scan_that_began_before_a_purge_goes_on_to_its_end(store: LanceVectorStore, tmp_path: Path) -> None:
    before = contents(store)
    with patch("customer_analytics.ports.vectors.lance._ROWS_A_BATCH", 1):
        scan: Iterator[pa.RecordBatch] = store.scan(COMMENTS)
        seen = next(scan).to_pylist()
        purging = threading.Thread(target=store.purge, args=(COMMENTS,))
        purging.start()
        purging.join(1)
        assert store.count(COMMENTS) == 37  # others do not wait for it either
        seen += [row for batch in scan for row in batch.to_pylist()]
    purging.join(60)
    assert sorted(seen, key=lambda row: str(row["id"])) == before
    assert holding(tmp_path) == []


def of(name: str, text: str) -> LoadedFile:
    return parse_file(FILES[name], text.encode())


def test_a_rejected_training_text_of_an_erased_customer_is_left_out() -> None:
    text = 'A "quoted" toy; it broke'
    csv = '"' + text.replace('"', '""') + '"'
    keys = ErasedKeys(frozenset({"7"}), texts=frozenset({text_hash(text)}))
    file = parse_file(
        FILES["comment_training.parquet"].__class__(
            **{**vars(FILES["comment_training.parquet"]), "name": "comment_training.csv"}
        ),
        f"review_text,label\n{csv},bad\nAnother toy,bad\nGood,1\n".encode(),
    )
    left = keys.left_out(file)
    assert [row["LINE"] for row in left.rejected.to_pylist()] == [3]
    assert (left.rows.num_rows, left.lines_in, left.left_out) == (1, 2, 1)


def test_a_rejected_payment_of_an_erased_order_is_left_out() -> None:
    lines = "payment_id,order_id,payment_method,amount\np1,o-7,coupon,12x\np2,o-77,coupon,12x\n"
    left = ErasedKeys(frozenset({"7"}), orders=frozenset({"o-7"})).left_out(of("payments.csv", lines))
    assert [row["RAW"] for row in left.rejected.to_pylist()] == ["p2,o-77,coupon,12x"]


def test_an_id_with_quotes_is_found_as_csv_writes_it() -> None:
    lines = 'order_id,customer_id,order_date,status\n1,"a ""b""",never,placed\n2,"c ""b""",never,placed\n'
    left = ErasedKeys(frozenset({'a "b"'})).left_out(of("orders.csv", lines))
    assert [row["LINE"] for row in left.rejected.to_pylist()] == [3]


@pytest.mark.parametrize(
    ("word", "content"),
    [
        ("quorlington", b"\x00Quorlington\xff"),
        ("quorlington", "x Quorlington".encode("utf-16-le")),
        ("müllerowa", b'{"name": "M\\u00fcllerowa"}'),
        ("müllerowa", "xMüllerowa".encode()),
        ("élodiette", "xÉlodiette".encode()),
        ("élodiette", b'{"name": "\\u00c9lodiette"}'),
        ("élodiette", "xÉLODIETTE".encode("utf-16-le")),
        ("иванович", "Иванович".encode()),
        ('say "hi there"', b'{"text": "Say \\"hi there\\""}'),
    ],
)
def test_a_word_is_found_in_the_encodings_that_files_use(word: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(5_000_000) + content)
    (tmp_path / "other").write_bytes(os.urandom(5_000_000))
    found = search(tmp_path, [word, "something else"])
    assert found.holding == (tmp_path / "file",)
    assert search(tmp_path, ["nowhere to be seen"]).holding == ()


def test_more_words_than_fit_into_one_pattern_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x word-29999 y")
    words = [f"word-{number:05}" for number in range(30_000)]
    assert search(tmp_path, words).holding == (tmp_path / "file",)
    assert search(tmp_path, words[:-1]).holding == ()


def test_words_are_taken_out_of_a_database_in_any_case_and_as_json_escapes_them(tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    with closing(sqlite3.connect(tmp_path / "dagster" / "runs.db")) as database:
        database.execute("CREATE TABLE runs (body TEXT)")
        body = json.dumps({"of": "Élodiette", "and": "ÉLODIETTE"})
        database.executemany("INSERT INTO runs VALUES (?)", [(body,), ("by Élodiette",), ("by Elodiette",)])
        database.commit()
        history.redact(tmp_path, ["élodiette"])
        left = database.execute("SELECT body FROM runs").fetchall()
    assert left == [('{"of": "(erased)", "and": "(erased)"}',), ("by (erased)",), ("by Elodiette",)]


def test_a_damaged_record_of_an_erasure_is_told_of_in_a_sentence(tmp_path: Path) -> None:
    pending.begin(tmp_path, "3", ["quorlington"])
    (record,) = (tmp_path / pending.FOLDER).iterdir()
    for content in (b"", b"[]", b'{"customer": "3"}', b'{"customer": "3", "words": 5}'):
        record.write_bytes(content)
        with pytest.raises(DamagedError, match=rf"{record.name} is damaged .*customer-analytics repair"):
            pending.unfinished(tmp_path)


def test_what_a_killed_process_left_in_a_temporary_folder_goes_with_the_next(tmp_path: Path) -> None:
    killed = f"""
import os, signal
from pathlib import Path
from customer_analytics import temporary
with temporary.folder(Path({str(tmp_path)!r})) as folder:
    (folder / "call.opus").write_text("{SECRET}")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", killed], check=False)
    assert (done.returncode, holding(tmp_path)) == (-signal.SIGKILL, ["call.opus"])
    with temporary.folder(tmp_path) as folder:
        assert holding(tmp_path) == []
        assert (folder.stat().st_mode & 0o777, folder.parent.stat().st_mode & 0o777) == (0o700, 0o700)
        (folder / "theirs.opus").write_text(SECRET)
        (folder / "other.opus").write_text("other")
        temporary.sweep(tmp_path, {"theirs.opus"})
        assert [path.name for path in folder.iterdir()] == ["other.opus"]
    assert list((tmp_path / "temporary").iterdir()) == []
