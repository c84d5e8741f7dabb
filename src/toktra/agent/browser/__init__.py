"""What the browser extension hands to the agent, and how its uses and the network's become one count.

The extension names requests; the network counts bytes. What both saw is one use, and the network's bytes are the ones
kept.
"""
