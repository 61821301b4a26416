"""What depends on new structured files is refreshed."""

import dagster as dg

refresh = dg.AutomationConditionSensorDefinition(
    "refresh",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Refreshes what depends on new structured files, as the assets' conditions say.",
)
