"""An endpoint's process that commits, and dies with everything still in its log."""

import os
import signal
import sys
from pathlib import Path

from customer_analytics.embedded_snowflake.state.engine import execute
from customer_analytics.embedded_snowflake.state.store import Store

store = Store(Path(sys.argv[1]))
store.create_database("SHOP")
for n in range(int(sys.argv[2])):
    execute(store.root, f"CREATE TABLE SHOP.PUBLIC.T{n} AS SELECT range AS X, 'row ' || range AS Y FROM range(10)")
os.kill(os.getpid(), signal.SIGKILL)
