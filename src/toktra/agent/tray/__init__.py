"""The menu bar app: state, pauses, schedule, today's figures and what has left this device, for the account it runs as.

It talks to the agent over the control socket and to nothing else, and holds no right of its own: whatever it shows or
changes, the command line can as well.
"""
