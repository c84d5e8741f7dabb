"""Requests by mail, from people who have no account: a link goes to an address, and who opens it has asked.

The link shows afterwards how far the request is. Whose data is meant the officer finds out, as far as the law allows.
"""
