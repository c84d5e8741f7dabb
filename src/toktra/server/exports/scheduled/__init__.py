"""Exports that are sent by themselves whenever a period is over, to a folder of the server or to an S3 bucket.

Each period is one run: it is made whole on this machine, then sent in parts, and goes on where it was after a cut. What
the receiver sees is the whole file or none, and a run that was delivered is not sent again.
"""
