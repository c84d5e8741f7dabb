"""People as administrators see them: who is in the organisation, in which department, in which role, and who has left.

Whose account on a device is whose is said here too; what people used is not: that is the usage room's.
"""
