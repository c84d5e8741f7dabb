"""Notices to the people of an organisation: what it says of itself, each version as published, who confirmed which."""
