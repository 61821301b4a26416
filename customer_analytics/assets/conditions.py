"""Automation conditions: when Dagster refreshes an asset that no sensor requests.

The sensors on calls and comments request everything that depends on these. The conditions cover structured files,
so that a new file refreshes only what depends on it.
"""

from typing import Any

import dagster as dg

_AUDITED: dg.AutomationCondition[Any] = dg.AutomationCondition.all_deps_blocking_checks_passed()

FOLLOWS: dg.AutomationCondition[Any] = dg.AutomationCondition.eager() & _AUDITED
"""After an update upstream, unless a blocking check of an upstream asset has failed."""

_NEW_DAY: dg.AutomationCondition[Any] = dg.AutomationCondition.any_deps_match(
    dg.AutomationCondition.data_version_changed()
).allow(dg.AssetSelection.assets("as_of"))
_NEW_ROWS: dg.AutomationCondition[Any] = dg.AutomationCondition.any_deps_updated().ignore(
    dg.AssetSelection.assets("as_of")
)

FOLLOWS_EVENTS: dg.AutomationCondition[Any] = (
    dg.AutomationCondition.eager().replace("any_deps_updated", _NEW_ROWS | _NEW_DAY) & _AUDITED
)
"""Like FOLLOWS, for tables that depend on AS_OF: every run writes AS_OF, but only another day counts as new."""


def follows_but_for(*assets: str) -> dg.AutomationCondition[Any]:
    """Like FOLLOWS, but ignores upstream assets after which a sensor's run refreshes this one."""
    eager: dg.AutomationCondition[Any] = dg.AutomationCondition.eager().ignore(dg.AssetSelection.assets(*assets))
    return eager & _AUDITED
