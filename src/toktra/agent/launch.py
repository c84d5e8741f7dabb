"""From settings to an agent at work: checks everything that can be wrong first, then opens, drops rights and runs.

All modules are imported with this one. Once rights are dropped, nothing may be imported any more: the code may lie
where only root can read.
"""

from __future__ import annotations

import logging
import random
import signal
import site
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

import toktra
from toktra.agent.accounts import Accounts, read_mapping
from toktra.agent.browser.source import WithBrowsers
from toktra.agent.capture.linux.errors import CannotCapture
from toktra.agent.capture.linux.sandbox import SYSTEM_FILES, enter_sandbox
from toktra.agent.capture.linux.source import LinuxCapture
from toktra.agent.capture_source import CaptureSource, ReplaySource, digest_of
from toktra.agent.claims import Claims
from toktra.agent.control import ControlSocket
from toktra.agent.desk import Desk
from toktra.agent.epochs import EpochCounter
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.gate import GatedSource
from toktra.agent.identity import read_identity, write_identity
from toktra.agent.memory import give_back_memory
from toktra.agent.own_record import OwnRecord
from toktra.agent.perks.launch import open_perks
from toktra.agent.privacy_hours.device import DeviceZone, clock_reader
from toktra.agent.privacy_hours.live import LiveHours
from toktra.agent.privacy_hours.store import Store
from toktra.agent.privacy_hours.weeks import Asking, Inbox
from toktra.agent.recorder import Recorder
from toktra.agent.reporter import Reporter
from toktra.agent.rights import account_to_become, become, check_rights_to_watch
from toktra.agent.server_address import server_address
from toktra.agent.service import Service
from toktra.agent.settings import AgentSettings
from toktra.agent.spool import Progress, Spool
from toktra.agent.state_directory import StateDirectory, StateNotUsable
from toktra.agent.timetable import asking_times, upload_times
from toktra.agent.transport import Transport
from toktra.agent.uplink import Uplink
from toktra.catalogue import Catalogue, load_catalogue
from toktra.catalogue.estimate import ESTIMATOR_VERSION

_log: Final = logging.getLogger(__name__)
_jitter: Final = random.SystemRandom().random


class CannotObserve(AgentError):
    """The kernel cannot be watched from here."""

    exit_code = EXIT_NEEDS_YOU


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    recorded: int
    waiting: int


def run(settings: AgentSettings, stopping: threading.Event) -> Outcome:
    """Runs an agent until `stopping` is set or its capture file is read. Raises an AgentError."""
    state = StateDirectory(settings.state)
    with ExitStack() as stack:
        stack.enter_context(state.held())
        identity = read_identity(state.identity)
        server = server_address(settings.server) if settings.server else identity.server
        transport = Transport(
            server=server,
            key_id=identity.key_id,
            private_key=identity.private_key,
            ca_file=settings.ca_file,
            moved=lambda address: write_identity(state.identity, replace(identity, server=address)),
        )
        stack.callback(transport.close)
        accounts = Accounts(read_mapping(state.accounts))
        accounts.name(0)  # loads the system's name services while everything can still be loaded
        catalogue = load_catalogue()
        if settings.replay is None:
            read_clocks, read_zone = clock_reader(), DeviceZone()
            watching = WithBrowsers(_watch(settings, state, catalogue), catalogue.find, time.time)
        elif settings.account:
            become(account_to_become(settings.account), state)
        spool = _open_spool(state, stack)
        uplink = Uplink(
            spool,
            transport.post,
            device=identity.device,
            agent_version=toktra.__version__,
            estimator_version=ESTIMATOR_VERSION,
            monotonic=time.monotonic,
            now=_now,
            jitter=_jitter,
            timetable=upload_times(server, monotonic=time.monotonic, chance=_jitter)
            if settings.replay is None
            else None,
        )
        asking = None
        if settings.replay is None:
            hours = LiveHours(Store(state.privacy_hours), read_clocks, read_zone)
            record = OwnRecord(state.spool, accounts.name)
            stack.callback(record.close)
            beside = Transport(
                server=server, key_id=identity.key_id, private_key=identity.private_key, ca_file=settings.ca_file
            )
            stack.callback(beside.close)
            perks, aside = open_perks(
                state.perks,
                stack,
                post=beside.post,
                server=server,
                name=accounts.name,
                ca_file=settings.ca_file,
                read_clocks=read_clocks,
                zone=read_zone,
                now=_now,
                chance=_jitter,
            )
            at_once = Transport(
                server=server, key_id=identity.key_id, private_key=identity.private_key, ca_file=settings.ca_file
            )
            stack.callback(at_once.close)
            desk = Desk(
                _open_control(state, stack),
                record,
                watching,
                perks,
                Claims(at_once.post, server=server, name=accounts.name),
                identity=identity,
                server=server,
                uplink=uplink,
            )
            inbox = Inbox(hours, accounts)
            gated = GatedSource(watching, hours, desk, inbox, aside)
            asking = Asking(
                inbox,
                transport.post,
                agent_version=toktra.__version__,
                timetable=asking_times(server, monotonic=time.monotonic, chance=_jitter),
                monotonic=time.monotonic,
            )
            source: CaptureSource = gated
            may_send = gated.may_send
            progress = None
        else:
            may_send = _always
            source, progress = _read(settings, catalogue, spool)
        reporter = Reporter(
            state.status,
            identity=identity,
            server=server,
            source=source,
            spool=spool,
            uplink=uplink,
            now=_now,
            monotonic=time.monotonic,
        )
        service = Service(
            source=source,
            recorder=Recorder(accounts=accounts, device=identity.device),
            spool=spool,
            uplink=uplink,
            publish=reporter.publish,
            progress=progress,
            may_send=may_send,
            asking=asking,
        )
        _log.info("toktra agent %s reports to %s at %s", toktra.__version__, identity.tenant, server)
        give_back_memory()
        try:
            service.run(stopping)
        finally:
            reporter.stopped(service)
        return Outcome(service.recorded, spool.counts().waiting)


def _watch(settings: AgentSettings, state: StateDirectory, catalogue: Catalogue) -> LinuxCapture:
    """Opens the kernel source, then gives up every right."""
    check_rights_to_watch(state)
    account = account_to_become(settings.account)
    try:
        source = LinuxCapture.open(settings.ports, catalogue.find)
    except CannotCapture as error:
        raise CannotObserve(str(error)) from None
    become(account, state, keep=source.needed_capabilities)
    _narrow(settings, state)
    return source


def _narrow(settings: AgentSettings, state: StateDirectory) -> None:
    """Leaves the agent the files and system calls it uses; a kernel that cannot is named in the log."""
    ours = [Path(toktra.__file__).parent, Path(sys.base_prefix), *map(Path, site.getsitepackages())]
    authorities = [settings.ca_file] if settings.ca_file else []
    narrowed = enter_sandbox(readable=[*SYSTEM_FILES, *ours, *authorities], writable=[state.path])
    if not narrowed.files:
        _log.warning("This kernel has no Landlock: which files the agent may open is left to file permissions.")
    if not narrowed.system_calls:
        _log.warning("The system calls of this processor are not known, so none is refused.")


def _open_control(state: StateDirectory, stack: ExitStack) -> ControlSocket:
    try:
        control = ControlSocket(state.control)
    except OSError as error:
        raise StateNotUsable(
            f"The control socket {state.control} cannot be made ({error.strerror}), and without it nobody could"
            " set their Privacy Hours. Choose a directory on a local disk with --state."
        ) from None
    stack.callback(control.close)
    if threading.current_thread() is threading.main_thread():  # signals are its own
        signal.set_wakeup_fd(control.waker, warn_on_full_buffer=False)
        stack.callback(signal.set_wakeup_fd, -1)
    return control


def _read(settings: AgentSettings, catalogue: Catalogue, spool: Spool) -> tuple[ReplaySource, Callable[[], Progress]]:
    """A capture file as source, going on where an earlier run of the same content stopped."""
    assert settings.replay is not None  # noqa: S101 - for the type checker
    name = digest_of(settings.replay)
    source = ReplaySource(
        settings.replay,
        catalogue.find,
        settings.ports,
        skip=spool.progress(name),
        ending_at=time.time() if settings.ending_now else None,
    )
    return source, lambda: Progress(name, source.read)


def _open_spool(state: StateDirectory, stack: ExitStack) -> Spool:
    spool = Spool(state.spool, EpochCounter(state.epoch))
    stack.callback(spool.close)
    if spool.set_aside:
        _log.warning(
            "The spool was damaged and has been moved to %s; a new one was begun. What was sent is not affected; what"
            " still waited is in that file.",
            spool.set_aside,
        )
    return spool


def _always() -> bool:
    return True


def _now() -> datetime:
    return datetime.now(UTC)


def stop_on_signals(stopping: threading.Event) -> None:
    """SIGTERM and SIGINT end the agent in order."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
