"""Sample data: a toy shop that does not exist, of any size, as a complete source folder.

Every customer has a satisfaction that nobody sees, between 0 and 1. What the customer buys, writes, says on the
telephone, and whether the subscription lasts, all follow from it.
"""

DEFAULT_CUSTOMERS = 400
DEFAULT_SEED = 1
