"""Derived tables, computed in the warehouse: pure functions from Snowpark DataFrames to a Snowpark DataFrame.

Each returns exactly the columns that `customer_analytics.tables` declares, in order and cast to the declared
types; what the columns mean is documented there. Nothing runs until the result is written, and no row reaches the
client.
"""
