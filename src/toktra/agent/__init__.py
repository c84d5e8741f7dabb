"""What runs on a device: it takes exchanges from a capture source, asks the gate, estimates, spools and uploads them.

`service` wires the parts together; `commands` is `toktra agent …`.
"""
