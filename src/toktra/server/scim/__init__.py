"""SCIM 2.0: an organisation's own directory tells who is there, and which groups they are in.

It changes what the directory room keeps, by that room's rules. No group makes an owner, and no request names a role: an
administrator says here what a group means.
"""
