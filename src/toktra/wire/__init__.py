"""What may cross a boundary: usage events in batches, enrolment, and the signatures on both. Pure, no I/O.

`events` is the closed schema of the seven facts, `columns` the quick way to read many of them, `enrolment` how a device
is introduced, `signatures` how it proves itself, `schedule` when its owner is not observed.
"""
