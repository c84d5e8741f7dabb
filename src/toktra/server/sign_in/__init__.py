"""How people prove who they are: passkeys, a password with an authenticator app, recovery codes, the organisation's own
sign-in; and how they set that up. Each ends in a session of the room `people`.
"""
