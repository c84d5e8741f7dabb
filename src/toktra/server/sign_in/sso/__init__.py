"""The organisation's own sign-in by OpenID Connect: one provider for each organisation, set up by an owner.

Who a person is there is kept as the provider's own number for them (issuer and subject); an e-mail address is believed
once, to find them, and only when the provider has verified it.
"""
