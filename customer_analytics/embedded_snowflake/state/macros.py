"""DuckDB macros for Snowflake functions that DuckDB lacks or defines differently."""

from fakesnow import macros

# DuckDB widens DATE to TIMESTAMP in date arithmetic, Snowflake keeps the type. Hence one macro for each type.
INTERVALS = {
    "YEAR": "to_years",
    "QUARTER": "to_quarters",
    "MONTH": "to_months",
    "WEEK": "to_weeks",
    "DAY": "to_days",
}


def _shift_macro(unit: str, interval: str) -> str:
    return f"""
    CREATE MACRO sf_shift_{unit.lower()}
        (d DATE, n BIGINT) AS CAST(d + {interval}(CAST(n AS INTEGER)) AS DATE),
        (d TIMESTAMP, n BIGINT) AS d + {interval}(CAST(n AS INTEGER)),
        (d TIMESTAMPTZ, n BIGINT) AS d + {interval}(CAST(n AS INTEGER)),
        (d VARCHAR, n BIGINT) AS CAST(d AS TIMESTAMP) + {interval}(CAST(n AS INTEGER));
    """


MACROS = (
    macros.creation_sql("memory.main")
    + "".join(_shift_macro(unit, interval) for unit, interval in INTERVALS.items())
    + """
    CREATE MACRO sf_date_trunc
        (part VARCHAR, d DATE) AS CAST(date_trunc(part, d) AS DATE),
        (part VARCHAR, d TIMESTAMP) AS date_trunc(part, d),
        (part VARCHAR, d TIMESTAMPTZ) AS date_trunc(part, d),
        (part VARCHAR, d VARCHAR) AS date_trunc(part, CAST(d AS TIMESTAMP));

    CREATE MACRO sf_add_months
        (d DATE, n BIGINT) AS CASE WHEN d = last_day(d)
            THEN last_day(CAST(d + to_months(CAST(n AS INTEGER)) AS DATE))
            ELSE CAST(d + to_months(CAST(n AS INTEGER)) AS DATE) END,
        (d TIMESTAMP, n BIGINT) AS CASE WHEN CAST(d AS DATE) = last_day(d)
            THEN last_day(d + to_months(CAST(n AS INTEGER))) + (d - date_trunc('day', d))
            ELSE d + to_months(CAST(n AS INTEGER)) END,
        (d VARCHAR, n BIGINT) AS CAST(d AS TIMESTAMP) + to_months(CAST(n AS INTEGER));

    CREATE MACRO sf_months_between(a, b) AS CASE
        WHEN day(a) = day(b)
            OR (CAST(a AS DATE) = last_day(CAST(a AS DATE)) AND CAST(b AS DATE) = last_day(CAST(b AS DATE)))
        THEN CAST((year(a) - year(b)) * 12 + month(a) - month(b) AS DOUBLE)
        ELSE round((year(a) - year(b)) * 12 + month(a) - month(b) + (day(a) - day(b)) / 31.0, 6) END;

    CREATE MACRO sf_width_bucket(x, low, high, n) AS CASE
        WHEN x IS NULL OR low IS NULL OR high IS NULL OR n IS NULL THEN NULL
        WHEN x < low THEN 0
        WHEN x >= high THEN CAST(n + 1 AS BIGINT)
        ELSE CAST(floor((CAST(x AS DOUBLE) - low) * n / (CAST(high AS DOUBLE) - low)) + 1 AS BIGINT) END;

    CREATE MACRO sf_to_timestamp
        (x BIGINT) AS make_timestamp(x * 1000000),
        (x DATE) AS CAST(x AS TIMESTAMP),
        (x TIMESTAMP) AS x,
        (x TIMESTAMPTZ) AS CAST(x AS TIMESTAMP),
        (x VARCHAR) AS CASE WHEN regexp_full_match(x, '-?[0-9]+')
            THEN make_timestamp(CAST(x AS BIGINT) * 1000000) ELSE CAST(x AS TIMESTAMP) END;

    CREATE MACRO sf_hash(x) AS CAST(hash(x) >> 1 AS BIGINT);
    """
)
