"""From source files to typed rows, rejected rows and listed calls; independent of the warehouse and of Dagster."""
