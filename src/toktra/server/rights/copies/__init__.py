"""The copy of someone's data: a stream, sealed to a key that only they can use, kept until it expires."""
