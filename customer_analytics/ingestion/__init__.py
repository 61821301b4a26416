"""From a source location to typed rows, rejected rows and listed calls; nothing here knows the warehouse."""
