"""Privacy Hours on the server: the weeks people write in the portal, the private time a works agreement adds, and the
yes or no that administrators see.

The weeks are in a schema of their own. Its role is not that of the rest of the server, and it finds whose they are by
the reader's session or by the device that asks, never by an address.
"""
