"""A small shop after its first run: three customers, hostile comments, and two calls that can be heard."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from customer_analytics_tests.small_source import write_small_source

MARKUP = "<script>document.title = 'owned'</script> **bold** [click](javascript:alert(1)) squid"
SQL = "'; DROP TABLE PRED_TWITTER_COMMENTS; -- octopus"
FORMULA = "=HYPERLINK(1) lobster"
COMMENTS = [
    MARKUP,
    SQL,
    FORMULA,
    "Thomas likes Bertie the bus best.",
    "The wheel of the red tractor broke off at once.",
]
HEARD = "happy-01.opus"


def write_shop(folder: Path) -> Path:
    """Write the source folder."""
    write_small_source(folder)
    path = folder / "twitter_comments.parquet"
    few = pq.read_table(path)
    more = pa.table(
        {"customer_id": [1] * len(COMMENTS), "date": ["2020-03-05"] * len(COMMENTS), "review_text": COMMENTS}
    )
    pq.write_table(pa.concat_tables([few, more.cast(few.schema)]), path)
    with as_file(files("customer_analytics.sample_data") / "calls" / HEARD) as recording:
        shutil.copy(recording, folder / "calls" / "1-01.opus")
    told = "file,called_at,agent\n1-01.opus,2020-03-06 09:30,maya\n2-01.wav,2020-03-07,\n"
    (folder / "calls" / "calls.csv").write_text(told)
    (folder / "calls" / "2-01.wav").write_bytes(b"RIFF, but no sound")
    return folder
