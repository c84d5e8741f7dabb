"""Token Perks as the organisation knows them: what it offers, whom it invited, who takes part since which month, and
sums that hide each person. Records, mailboxes and what is spent are the personal service's, which this room asks.
"""
