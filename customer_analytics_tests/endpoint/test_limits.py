"""The endpoint's limits are declared once; settings and the command take names and defaults from there."""

from dataclasses import fields

import pytest

from customer_analytics.embedded_snowflake import EndpointLimits
from customer_analytics.embedded_snowflake.__main__ import serve
from customer_analytics.settings import Settings


@pytest.mark.parametrize("limit", fields(EndpointLimits), ids=lambda limit: limit.name)
def test_a_setting_has_the_limit_s_default(limit):
    assert Settings.model_fields[f"endpoint_max_{limit.name}"].default == limit.default


def test_the_command_reads_the_arguments_that_limits_make():
    limits = EndpointLimits(1, 2, 3, 4, 5)

    context = serve.make_context("serve", ["--data", ".", *limits.arguments()])

    assert EndpointLimits(**{limit.name: context.params[limit.name] for limit in fields(limits)}) == limits
