"""The warehouse port: Snowflake through dagster-snowflake's resource, the connector and Snowpark."""
