"""Column lineage: which columns a table's columns are computed from."""
