"""Semantic and keyword search over comments and calls, and answers to questions from the results."""

from customer_analytics.search.asking import ask
from customer_analytics.search.finding import Search
from customer_analytics.search.hits import SOURCES, Filters, Hit, Source

__all__ = ["SOURCES", "Filters", "Hit", "Search", "Source", "ask"]
