"""Holds the estimates against what providers billed: how far off they are (a factor), and how much of the
organisation's use the enrolled devices see (coverage). The two are told apart, and both are shown.
"""
