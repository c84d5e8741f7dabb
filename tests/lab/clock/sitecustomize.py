"""For a program under test: its wall clock is ahead by TOKTRA_TEST_AHEAD seconds from its start on, as a clock may be.

Python loads this by itself when its directory is in PYTHONPATH. The clocks that only run on are left alone.
"""

import os
import time

_ahead = float(os.environ.get("TOKTRA_TEST_AHEAD", "0"))
_ahead_ns = int(_ahead * 1e9)
_time, _time_ns, _clock_gettime, _clock_gettime_ns = time.time, time.time_ns, time.clock_gettime, time.clock_gettime_ns

time.time = lambda: _time() + _ahead
time.time_ns = lambda: _time_ns() + _ahead_ns
time.clock_gettime = lambda clock: _clock_gettime(clock) + _ahead * (clock == time.CLOCK_REALTIME)
time.clock_gettime_ns = lambda clock: _clock_gettime_ns(clock) + _ahead_ns * (clock == time.CLOCK_REALTIME)
