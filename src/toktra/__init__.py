"""Toktra shows which AI tools are used, by whom and how much, from connection metadata only.

What was said is never read: the rooms of this package pass on seven facts about a use and nothing else.
"""

__version__ = "0.1.0"
