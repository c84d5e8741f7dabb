"""LinuxCapture, the source the agent polls: exchanges of known providers, from every process of this machine."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from struct import Struct
from typing import Final

from toktra.agent.capture.linux import layout
from toktra.agent.capture.linux.bpf import F_LOCK, Map
from toktra.agent.capture.linux.earlier import count_open
from toktra.agent.capture.linux.errors import OLDEST_KERNEL_IN_FULL, kernel_version
from toktra.agent.capture.linux.exchanges import SILENCE_NS, ProviderFlow
from toktra.agent.capture.linux.handover import load_in_own_process
from toktra.agent.capture.linux.layout import Event, EventKind, Tally, Totals
from toktra.agent.capture.linux.naming import FindProvider, Namer, Verdict
from toktra.agent.capture.linux.privileges import Capability
from toktra.agent.capture.linux.program import LoadedProgram
from toktra.agent.capture.linux.ring import Ring
from toktra.agent.capture.linux.status import CaptureStatus
from toktra.agent.capture.meter import State
from toktra.agent.capture.observed import Exchange, ObservedExchange

DEFAULT_PORTS: Final = (443,)
LOOK_EVERY_S: Final = 1.0
"""How often the live totals are looked at for exchanges that silence has ended."""
UDP_IDLE_NS: Final = 600 * 10**9
"""A QUIC flow without a datagram for so long is over, even if its socket serves others."""
RESTED_FOR_S: Final = 7200.0
"""How long after a rest a connection that has not moved is still waited for."""

_word = Struct("=Q")
_port_word = Struct("=I")
_MISSED: Final = {
    Tally.MISSED_FLOWS_FULL: "too many connections at once",
    Tally.MISSED_STAGING_FULL: "no memory for a hello",
    Tally.MISSED_HELLO_RING_FULL: "hello lost, the agent was too slow",
    Tally.MISSED_EXCHANGE_RING_FULL: "end of an exchange lost, the agent was too slow",
    Tally.HELLO_TOO_LONG: "hello too long",
    Tally.HELLO_GAP: "hello not seen whole",
}
_UNNAMED: Final = (Tally.NOT_TLS, Tally.NO_HELLO)


class LinuxCapture:
    """Watches every TLS and QUIC connection to `ports` from the kernel and yields the exchanges with providers.

    After `open`, no method needs a right: the process may become any account and drop every capability, on kernels
    from 5.19 on; on older ones it has to keep `needed_capabilities`.
    """

    @classmethod
    def open(cls, ports: Sequence[int], find_provider: FindProvider) -> LinuxCapture:
        """Loads and attaches the kernel program by way of a short-lived process. Raises a CannotCapture."""
        program = load_in_own_process()
        return cls(program, ports, find_provider, opened_before=count_open(frozenset(ports)))

    def __init__(
        self, program: LoadedProgram, ports: Sequence[int], find_provider: FindProvider, *, opened_before: int = 0
    ) -> None:
        self._program = program
        self._opened_before = opened_before
        maps = program.maps
        self._flows = Map(maps["flows"], key_size=layout.FLOW_KEY.size, value_size=layout.FLOW_BYTES)
        self._tallies = Map(maps["tallies"], key_size=4, value_size=8)
        self._ring = Ring(maps["ring"], layout.RING_BYTES)
        self._namer = Namer(find_provider)
        self._followed: dict[bytes, ProviderFlow] = {}
        self._open: dict[bytes, int] = {}
        """Flows with an exchange that silence may end, and the boot time before which it cannot."""
        self._verdicts: Counter[Verdict] = Counter()
        self._merged = self._unfinished_missed = 0
        self._ring_full_seen = 0
        self._next_look = time.monotonic() + LOOK_EVERY_S
        self._watching = True
        self._drop_rested_at = math.inf
        self._closed = False
        self._watch_ports(ports)

    @property
    def needed_capabilities(self) -> frozenset[Capability]:
        """What the process must keep for `poll` to go on working: nothing since Linux 5.19."""
        return frozenset() if kernel_version() >= OLDEST_KERNEL_IN_FULL else frozenset({Capability.BPF})

    def poll(self, timeout_s: float) -> list[ObservedExchange]:
        """The exchanges that ended. Waits for news at most `timeout_s`; call it about once a second or more often."""
        self._ring.wait(min(timeout_s, max(0.0, self._next_look - time.monotonic())))
        observed = self._take_events()
        if time.monotonic() >= self._next_look:
            observed += self._look()
            if time.monotonic() >= self._drop_rested_at:
                self._drop_rested()
            self._next_look = time.monotonic() + LOOK_EVERY_S
        return observed

    def wake_on(self, fd: int) -> None:
        """Lets `poll` return at once while this descriptor is readable."""
        self._ring.wake_on(fd)

    def status(self) -> CaptureStatus:
        """Numbers since `open`."""
        tallies = {tally: self._tally(tally) for tally in Tally}
        missed = {cause: tallies[tally] for tally, cause in _MISSED.items() if tallies[tally]}
        if self._unfinished_missed:
            missed["too many QUIC hellos at once"] = self._unfinished_missed
        if self._merged:
            missed["exchanges counted as one with the next"] = self._merged
        return CaptureStatus(
            connections=tallies[Tally.CONNECTIONS],
            opened_before=self._opened_before,
            provider_connections=self._verdicts[Verdict.PROVIDER],
            forgotten=self._verdicts[Verdict.FORGOTTEN],
            hidden=self._verdicts[Verdict.HIDDEN],
            unnamed=self._verdicts[Verdict.UNNAMED] + sum(tallies[tally] for tally in _UNNAMED),
            missed=missed,
            watching=self._watching,
            degraded=_degraded(),
        )

    def pause(self) -> list[ObservedExchange]:
        """For Privacy Hours: takes the watching programs out of their hooks, so that nothing is observed at all.

        Yields what was observed until this moment. Needs no right: the hooks hold programs that look at nothing
        until `resume`, which is what detaching them would do, but can be undone without CAP_NET_ADMIN.
        """
        observed = self._take_events()
        self._program.rest()
        self._watching = False
        observed += self._take_events()
        for key, flow in list(self._followed.items()):
            value = self._flows.get(key, flags=F_LOCK)
            if value is not None:
                self._yield(flow, flow.closed(_totals(value), clock_offset_ns()), observed)
        self._forget_unfollowed()
        self._open.clear()
        return observed

    def resume(self) -> None:
        """Watches again. Known connections are counted on from this moment; those opened meanwhile stay unknown."""
        for _ in self._ring.drain():  # whatever a program that was just running still wrote
            pass
        self._forget_unfollowed()
        for key, flow in list(self._followed.items()):
            value = self._flows.get(key)
            if value is None:
                del self._followed[key]
                continue
            idle = not flow.told and _totals(value).state == State.IDLE
            flow.rested = True
            self._flows.put(
                key,
                layout.rested(
                    value,
                    told=flow.told,
                    idle=idle,
                    from_sent=flow.from_sent,
                    from_segments_out=flow.from_segments_out,
                ),
            )
            self._open[key] = 0
        self._program.watch()
        self._watching = True
        self._drop_rested_at = time.monotonic() + RESTED_FOR_S

    def close(self) -> list[ObservedExchange]:
        """Detaches everything and yields the open exchanges as they stand. Closing again does nothing."""
        if self._closed:
            return []
        self._closed = True
        observed = self._take_events()
        self._program.rest()
        observed += self._take_events()
        observed += self._end_all()
        self._ring.close()
        self._program.close()
        return observed

    def raw_memory(self) -> bytes:
        """Every byte the kernel program can have handed up or kept: the whole ring, old records too, and the flows.

        For the proof that no content is in there.
        """
        values = (self._flows.get(key, flags=F_LOCK) or b"" for key in self._flows.list_keys())
        return self._ring.raw_memory() + b"".join(values)

    def _forget_unfollowed(self) -> None:
        self._namer.clear()
        for key in self._flows.list_keys():
            if key not in self._followed:
                self._flows.delete(key)

    def _drop_rested(self) -> None:
        """Connections that have not moved since a rest may have closed during it, unseen."""
        for key in list(self._followed):
            value = self._flows.get(key)
            if value is not None and value[layout.FLOW_RESTED_AT]:
                self._let_go(key)
        self._drop_rested_at = math.inf

    def _take_events(self) -> list[ObservedExchange]:
        observed: list[ObservedExchange] = []
        for record in self._ring.drain():
            self._take(layout.read_event(record), observed)
        return observed

    def _take(self, event: Event, observed: list[ObservedExchange]) -> None:
        match event.kind:
            case EventKind.HELLO:
                named = self._namer.tls(event.body)
                self._decide(event, named.verdict, named.provider_host)
            case EventKind.INITIAL if event.flow not in self._followed and self._is_awaited(event.flow):
                named = self._namer.quic(event.flow, event.body)
                self._decide(event, named.verdict, named.provider_host)
            case EventKind.EXCHANGE | EventKind.CLOSED:
                self._take_totals(event, observed)
            case EventKind.SOCKET_GONE:
                self._end_socket(layout.cookie_of(event.flow), observed)

    def _is_awaited(self, flow: bytes) -> bool:
        """Whether a QUIC hello is still wanted: not when an earlier Initial in the ring has decided already."""
        return self._namer.knows(flow) or self._flows.get(flow, flags=F_LOCK) is not None

    def _decide(self, event: Event, verdict: Verdict, provider_host: str | None) -> None:
        if verdict is Verdict.NOT_YET:
            overflowing = self._namer.overflowing()
            if overflowing is not None:
                self._flows.delete(overflowing)
                self._unfinished_missed += 1
            return
        self._verdicts[verdict] += 1
        if provider_host is None:
            self._flows.delete(event.flow)
            return
        self._followed[event.flow] = ProviderFlow(provider_host, event.uid)
        self._open[event.flow] = 0

    def _take_totals(self, event: Event, observed: list[ObservedExchange]) -> None:
        flow = self._followed.get(event.flow)
        if flow is None:
            return
        totals = layout.read_totals(event.body)
        if event.kind is EventKind.CLOSED:
            self._yield(flow, flow.closed(totals, clock_offset_ns()), observed)
            self._let_go(event.flow)
        else:
            self._yield(flow, flow.ended(totals, clock_offset_ns()), observed)
            self._open[event.flow] = 0

    def _look(self) -> list[ObservedExchange]:
        """Looks at the live totals of the flows with an open exchange; of all flows when the ring was full."""
        observed: list[ObservedExchange] = []
        ring_full = self._tally(Tally.MISSED_EXCHANGE_RING_FULL)
        now_ns, offset_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME), clock_offset_ns()
        if ring_full == self._ring_full_seen:
            keys = [key for key, due_ns in self._open.items() if due_ns <= now_ns]
        else:
            keys = list(self._followed)
        self._ring_full_seen = ring_full
        for key in keys:
            self._look_at(key, now_ns, offset_ns, observed)
        for key in self._namer.unfinished():
            value = self._flows.get(key, flags=F_LOCK)
            if value is None or now_ns - _totals(value).last_at > UDP_IDLE_NS:
                self._give_up_unfinished(key)
        return observed

    def _look_at(self, key: bytes, now_ns: int, offset_ns: int, observed: list[ObservedExchange]) -> None:
        flow = self._followed[key]
        value = self._flows.get(key, flags=F_LOCK)
        if value is None:  # closed: its last event is in the ring
            self._open.pop(key, None)
            return
        totals = _totals(value)
        idle = layout.is_udp(key) and now_ns - totals.last_at > UDP_IDLE_NS
        if value[layout.FLOW_PHASE_AT] == layout.PHASE_CLOSED or idle:
            self._yield(flow, flow.closed(totals, offset_ns), observed)
            self._let_go(key)
            return
        self._yield(flow, flow.silent(totals, now_ns, offset_ns), observed)
        if totals.told < flow.told:  # told; the kernel speaks up when anything follows
            self._open.pop(key, None)
        else:
            answering = totals.state in (State.ANSWERING, State.RESUMED)
            self._open[key] = (totals.last_at if answering else now_ns) + SILENCE_NS

    def _end_socket(self, cookie: int, observed: list[ObservedExchange]) -> None:
        for key in [key for key in self._followed if layout.cookie_of(key) == cookie]:
            self._end(key, observed)
        for key in self._namer.unfinished():
            if layout.cookie_of(key) == cookie:
                self._give_up_unfinished(key)

    def _give_up_unfinished(self, key: bytes) -> None:
        self._namer.drop(key)
        self._flows.delete(key)
        self._verdicts[Verdict.UNNAMED] += 1

    def _end_all(self) -> list[ObservedExchange]:
        observed: list[ObservedExchange] = []
        for key in list(self._followed):
            self._end(key, observed)
        self._namer.clear()
        self._flows.clear()
        return observed

    def _end(self, key: bytes, observed: list[ObservedExchange]) -> None:
        flow = self._followed[key]
        value = self._flows.get(key, flags=F_LOCK)
        if value is not None:
            self._yield(flow, flow.closed(_totals(value), clock_offset_ns()), observed)
        self._let_go(key)

    def _let_go(self, key: bytes) -> None:
        flow = self._followed.pop(key)
        self._merged += flow.merged
        self._open.pop(key, None)
        self._flows.delete(key)

    def _yield(self, flow: ProviderFlow, exchange: Exchange | None, observed: list[ObservedExchange]) -> None:
        if exchange is not None:
            observed.append(ObservedExchange(provider_host=flow.provider_host, uid=flow.uid, exchange=exchange))

    def _tally(self, tally: Tally) -> int:
        value = self._tallies.get(_port_word.pack(tally)) or bytes(8)
        return int(_word.unpack(value)[0])

    def _watch_ports(self, ports: Sequence[int]) -> None:
        bits: Counter[int] = Counter()
        for port in set(ports):
            bits[port // 64] |= 1 << port % 64
        words = Map(self._program.maps["ports"], key_size=4, value_size=8)
        for word, mask in bits.items():
            words.put(_port_word.pack(word), _word.pack(mask))


def clock_offset_ns() -> int:
    """What to add to the boot clock to get nanoseconds since 1970."""
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _totals(value: bytes) -> Totals:
    return layout.read_totals(value, layout.FLOW_TOTALS_AT)


def _degraded() -> str | None:
    if kernel_version() >= OLDEST_KERNEL_IN_FULL:
        return None
    return (
        "This kernel is older than 5.19: the agent has to keep the capability CAP_BPF to read its own maps. "
        "Everything is counted all the same."
    )
