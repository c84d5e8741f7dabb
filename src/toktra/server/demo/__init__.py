"""A sample organisation: invented people, and a year of plausible use taken in the way every device's is.

For evaluation, screenshots and benchmarks. All of it is in a tenant of its own, whose pages are marked as sample.
"""
