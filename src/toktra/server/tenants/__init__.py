"""Organisations: how one is found by its short name, and how one begins, with its first person."""
