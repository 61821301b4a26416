"""When Dagster refreshes an asset by itself, and how old it may be.

Everything that follows from new calls and comments is requested by their sensors; these conditions are for the
rest, so that a new structured file refreshes just what depends on it. No asset is driven by both for one cause.
"""

import datetime as dt
from typing import Any

import dagster as dg

_AUDITED: dg.AutomationCondition[Any] = dg.AutomationCondition.all_deps_blocking_checks_passed()

FOLLOWS: dg.AutomationCondition[Any] = dg.AutomationCondition.eager() & _AUDITED
"""When something upstream is new, unless a blocking check of it has failed, in whichever run."""

DAILY = dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=36), warn_window=dt.timedelta(hours=26))
"""For what the nightly reconciliation renews: it warns after one that did not come, and fails before the next."""


_NEW_DAY: dg.AutomationCondition[Any] = dg.AutomationCondition.any_deps_match(
    dg.AutomationCondition.data_version_changed()
).allow(dg.AssetSelection.assets("as_of"))
_NEW_ROWS: dg.AutomationCondition[Any] = dg.AutomationCondition.any_deps_updated().ignore(
    dg.AssetSelection.assets("as_of")
)

FOLLOWS_EVENTS: dg.AutomationCondition[Any] = (
    dg.AutomationCondition.eager().replace("any_deps_updated", _NEW_ROWS | _NEW_DAY) & _AUDITED
)
"""As FOLLOWS, for dated tables: AS_OF is written by each run, but only another day is new."""


def follows_but_for(*assets: str) -> dg.AutomationCondition[Any]:
    """As FOLLOWS, with no regard to some upstream assets, after which a sensor's run refreshes this one."""
    eager: dg.AutomationCondition[Any] = dg.AutomationCondition.eager().ignore(dg.AssetSelection.assets(*assets))
    return eager & _AUDITED
