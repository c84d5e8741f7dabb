"""Under which names browsers know the extension, and under which name it finds the agent."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

NATIVE_HOST: Final = "com.toktra.agent"
"""What the extension asks its browser to be connected to."""

CHROME_KEY: Final = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxxtHbE3SJxRGNzznbF1JZ3T17xZ94SU9/dqsk/AicVX1x3FZoXXulCag"
    "OqgQfe3xrD8Bg6EC8dAcbabWvCrHbij45OWX+B108DZnb/QE82GTFYqfsL7rQ1fYbxudzwTJSLxQLzwDf7bRldktp0bc2XkoR22Q"
    "2WS8hI3skHAOdQwZOA+8Bh+TT6W4rD/k72dT8uWUorHwVezKNs9CiCce02e1pTitaxtts7VhfyoogpZDBwPyMOkcO4GIWSTIWu/3"
    "UFl20nUPmnkphvE1+Mq/H1m9Eb18W6YZtmxCkLFfOTMpzWlStsLjYfIqtA2jeMMMinF9xxRcX//zNTNvPMIa5wIDAQAB"
)
"""A public key, from which Chrome and Edge derive the extension's id. A store that gives it another id names that one:
`toktra extension install --chrome-id ID`."""

FIREFOX_ID: Final = "{8b2f6a54-3c1d-4e0a-9a57-6d1c0e7b9f21}"


def chrome_id(key: str = CHROME_KEY) -> str:
    """The first 128 bits of the key's SHA-256, each half byte as a letter from a to p."""
    digest = hashlib.sha256(base64.b64decode(key)).hexdigest()[:32]
    return "".join(chr(ord("a") + int(letter, 16)) for letter in digest)
