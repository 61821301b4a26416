"""Search by meaning and by words over comments and calls, and questions answered from what it finds."""

from customer_analytics.search.asking import ask
from customer_analytics.search.finding import Search
from customer_analytics.search.hits import SOURCES, Filters, Hit, Source

__all__ = ["SOURCES", "Filters", "Hit", "Search", "Source", "ask"]
