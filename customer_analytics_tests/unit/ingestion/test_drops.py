"""Comment files dropped next to the first one: appended by content."""

from pathlib import Path

import pytest

from customer_analytics.ingestion.drops import entries, joint_hash, load_with_drops
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics_tests.small_source import write_small_source

(COMMENTS,) = (file for file in SOURCE_FILES if file.drops)
HEADER = "customer_id,date,review_text\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = write_small_source(tmp_path / "source")
    (source / "comments").mkdir()
    return source


def load(folder: Path) -> LoadedFile:
    return load_with_drops(SourceLocation.open(folder), COMMENTS)


def texts(folder: Path) -> list[str]:
    return [str(text) for text in load(folder).rows["REVIEW_TEXT"].to_pylist()[4:]]


def test_without_drops_the_file_stands_alone(folder: Path) -> None:
    loaded = load(folder)
    assert (loaded.rows.num_rows, loaded.lines_in) == (4, 4)
    assert loaded.content_hash == joint_hash([loaded.content_hash])


def test_the_rows_of_drops_are_appended_in_the_order_of_their_names(folder: Path) -> None:
    (folder / "comments" / "b.csv").write_text(HEADER + "1,2020-03-06,second\n")
    (folder / "comments" / "a.csv").write_text(HEADER + "2,2020-03-05,first\n")
    assert texts(folder) == ["first", "second"]
    assert load(folder).lines_in == 6


def test_equal_contents_count_once_whatever_their_names(folder: Path) -> None:
    for name in ("a.csv", "copy of a.csv"):
        (folder / "comments" / name).write_text(HEADER + "2,2020-03-05,first\n")
    before = load(folder).content_hash
    assert texts(folder) == ["first"]
    (folder / "comments" / "a.csv").rename(folder / "comments" / "z.csv")
    assert load(folder).content_hash == before


def test_rejected_rows_name_the_drop_they_come_from(folder: Path) -> None:
    (folder / "comments" / "a.csv").write_text(HEADER + "2,2020-03-05,first\nnobody,2020-03-05,lost\n")
    loaded = load(folder)
    rejected = loaded.rejected.to_pylist()
    assert [(row["SOURCE"], row["LINE"]) for row in rejected] == [("comments/a.csv", 3)]
    assert loaded.lines_in == loaded.rows.num_rows + 1


def test_a_drop_that_cannot_be_read_is_one_rejected_row_and_stops_no_other(folder: Path) -> None:
    (folder / "comments" / "a.parquet").write_bytes(b"no parquet")
    (folder / "comments" / "b.csv").write_text(HEADER + "2,2020-03-05,first\n")
    loaded = load(folder)
    assert texts(folder) == ["first"]
    assert [(row["SOURCE"], row["LINE"]) for row in loaded.rejected.to_pylist()] == [("comments/a.parquet", 0)]
    assert loaded.lines_in == loaded.rows.num_rows + loaded.rejected.num_rows


def test_other_files_in_the_folder_are_none_of_ours(folder: Path) -> None:
    (folder / "comments" / "notes.txt").write_text("x")
    assert list(entries(SourceLocation.open(folder), COMMENTS)) == ["twitter_comments.parquet"]


def test_the_first_file_must_be_there(folder: Path) -> None:
    (folder / "twitter_comments.parquet").unlink()
    with pytest.raises(SourceError):
        load(folder)
