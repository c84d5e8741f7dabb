"""Token Perks on the device: personal mode, and the way of personal use to the ledger that its owner alone can read.

Nothing of it passes through the corporate spool, its uplink or the log. `mode` says which ledger an exchange belongs
to, `second_ledger` seals it, `waiting` holds what is to be sent, `uplink` carries it away; `keys` is the owner's own.
"""
