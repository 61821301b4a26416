"""Files of comments: which there are, and what each of them holds."""

from pathlib import Path

import pytest

from customer_analytics.ingestion.comments import (
    CommentFile,
    files_of_rows,
    list_comments,
    load_comments,
)
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.tables.sources import STG_COMMENT_FILES
from customer_analytics_tests.small_source import write_small_source

HEADER = "customer_id,date,review_text\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = write_small_source(tmp_path / "source")
    (source / "comments").mkdir()
    return source


def listed(folder: Path) -> list[str]:
    return list(list_comments(SourceLocation.open(folder)).files)


def load(folder: Path, path: str) -> LoadedFile:
    location = SourceLocation.open(folder)
    return load_comments(location, path, list_comments(location).files[path])


def test_the_first_file_and_its_drops_are_listed_whatever_their_depth(folder: Path) -> None:
    (folder / "comments" / "2020").mkdir()
    for path in ("b.csv", "a.PARQUET", "2020/c.csv", "notes.txt", ".hidden.csv"):
        (folder / "comments" / path).touch()
    drops = ["comments/2020/c.csv", "comments/a.PARQUET", "comments/b.csv"]
    assert listed(folder) == ["twitter_comments.parquet", *drops]


def test_without_a_folder_of_drops_the_first_file_stands_alone(folder: Path) -> None:
    (folder / "comments").rmdir()
    assert listed(folder) == ["twitter_comments.parquet"]
    assert load(folder, "twitter_comments.parquet").rows.num_rows == 4


def test_the_first_file_may_be_csv_and_may_be_absent(folder: Path) -> None:
    (folder / "twitter_comments.parquet").unlink()
    assert listed(folder) == []
    (folder / "twitter_comments.csv").write_text(HEADER + "2,2020-03-05,first\n")
    assert listed(folder) == ["twitter_comments.csv"]
    assert load(folder, "twitter_comments.csv").rows.num_rows == 1


def test_the_first_file_may_not_be_there_twice(folder: Path) -> None:
    (folder / "twitter_comments.csv").write_text(HEADER)
    with pytest.raises(
        SourceError, match=r"both twitter_comments\.parquet and twitter_comments\.csv.*: remove one"
    ):
        listed(folder)


def test_a_folder_that_cannot_be_listed_is_a_problem_below_the_source(folder: Path) -> None:
    (folder / "comments" / "away").symlink_to(folder / "nowhere")
    (problem,) = list_comments(SourceLocation.open(folder)).problems
    assert problem.path == "comments/away"


def test_comments_carry_the_hash_of_their_file_and_their_line(folder: Path) -> None:
    (folder / "comments" / "a.csv").write_text(
        HEADER + "2,2020-03-05,first\n2,some day,lost\n1,2020-03-06,third\n"
    )
    loaded = load(folder, "comments/a.csv")
    assert [(row["REVIEW_TEXT"], row["LINE"]) for row in loaded.rows.to_pylist()] == [("first", 2), ("third", 4)]
    assert set(loaded.rows["FILE_HASH"].to_pylist()) == {loaded.file_hash}
    assert [(row["SOURCE"], row["LINE"]) for row in loaded.rejected.to_pylist()] == [("comments/a.csv", 3)]
    assert loaded.lines_in == 3


def test_a_drop_that_cannot_be_read_as_a_whole_is_one_rejected_row(folder: Path) -> None:
    (folder / "comments" / "a.parquet").write_bytes(b"no parquet")
    loaded = load(folder, "comments/a.parquet")
    assert [(row["SOURCE"], row["LINE"]) for row in loaded.rejected.to_pylist()] == [("comments/a.parquet", 0)]
    assert (loaded.rows.num_rows, loaded.lines_in) == (0, 0)
    assert loaded.rejected["RULE"].to_pylist() == loaded.rejected["REASON"].to_pylist()


def test_the_first_file_has_to_be_readable_as_a_whole(folder: Path) -> None:
    (folder / "twitter_comments.parquet").write_bytes(b"no parquet")
    with pytest.raises(SourceError):
        load(folder, "twitter_comments.parquet")


def test_a_file_that_has_grown_since_it_was_listed_is_not_read(folder: Path) -> None:
    (folder / "comments" / "a.csv").write_text(HEADER)
    location = SourceLocation.open(folder)
    entry = list_comments(location).files["comments/a.csv"]
    (folder / "comments" / "a.csv").write_text(HEADER + "2,2020-03-05,first\n")
    with pytest.raises(SourceError, match="was changed while it was read"):
        load_comments(location, "comments/a.csv", entry)


def test_files_are_the_same_after_they_were_rows(folder: Path) -> None:
    location = SourceLocation.open(folder)
    entry = list_comments(location).files["twitter_comments.parquet"]
    file = CommentFile("twitter_comments.parquet", entry.size, "00ff", entry.last_modified, 4, 4)
    assert files_of_rows(STG_COMMENT_FILES.rows([file]).to_batches()) == {"twitter_comments.parquet": file}
    assert file.is_still(entry)
