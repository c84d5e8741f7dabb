"""How names and byte counts are taken off the wire.

The parsers and the meter do no I/O; the sources, the kernel and capture files, feed them.
"""
