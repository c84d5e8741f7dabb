"""The employee's own pages: everything kept about them, their devices, and who looked.

It has no tables. It asks usage, devices, audit and people, and gives others the figures of a person only with a reason.
"""
