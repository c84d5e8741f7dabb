"""What may cross a boundary: usage events in batches, enrolment, and the signatures on both. Pure, no I/O.

`events` is the closed schema of the seven facts, `enrolment` how a device is introduced, `signatures` how it proves
itself, `schedule` when its owner is not observed.
"""
