"""Runs once per region: takes in what devices report, keeps it per organisation, and shows it.

A room per subject; inside a room `routes` (HTTP) asks `service` (rules), which asks `queries.sql`.
"""
