"""`toktra up`: database, server and this machine's agent in one command, for one person who wants to see it work.

It only starts what the other rooms offer and looks after it; each part runs the same way when installed for good.
"""
