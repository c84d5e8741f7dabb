"""The public API under /v1: what the pages show, for programs, by the same rules.

A program acts for the person who made its key: it may do what its scopes name and that person's role still allows. It
asks the other rooms through their services, so its figures are the pages' figures.
"""
