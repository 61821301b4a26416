"""Write, audit, publish: new rows are checked in a scratch table before they replace the old ones."""
