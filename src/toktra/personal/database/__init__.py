"""Where the second ledger lives: its pool, its tables and their daily partitions.

Row order, transaction numbers and times give away who came when, so nothing keeps a time, keys are random, and every
finished day is written anew in the order of its random keys.
"""
