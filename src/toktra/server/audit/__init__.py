"""Who did what to whom, when and why: an append-only chain of entries for each organisation.

Other rooms record what they do in the transaction in which they do it; auditors, privacy officers and owners read it,
and every employee reads the entries about themself.
"""
