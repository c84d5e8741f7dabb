"""Devices: how one is enrolled with a code, what it is known by from then on, and its accounts."""
