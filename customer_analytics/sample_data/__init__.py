"""Sample data: a fictional toy shop of any size, as a complete source folder.

Every customer has a hidden satisfaction between 0 and 1, which determines purchases, comments, calls and the
length of subscriptions.
"""

DEFAULT_CUSTOMERS = 400
DEFAULT_SEED = 1
