"""Hypothesis for every test: no deadline, since a busy machine is no failure, and the same examples in every run.

`pytest --hypothesis-profile=search` draws new examples each time.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("search"), derandomize=True)
settings.load_profile("same")
