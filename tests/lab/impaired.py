"""A bad network between the lab's hosts: a middle namespace that passes frames on by hand, and loses, doubles or
swaps some of them, the same ones in every run."""

from __future__ import annotations

import ctypes
import fcntl
import random
import secrets
import select
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from tests.lab.lab import Lab

IMPAIRED_CLIENT_4, IMPAIRED_SERVER_4 = "10.98.0.1", "10.98.0.2"
_SIOCETHTOOL: Final = 0x8946
_OFFLOADS_OFF: Final = (0x17, 0x1F, 0x24, 0x2C)  # ETHTOOL_STXCSUM, STSO, SGSO, SGRO
_ETH_P_ALL: Final = 3
_PACKET_OUTGOING: Final = 4


@contextmanager
def impaired_path(lab: Lab, *, lose: float = 0.0, double: float = 0.0, swap: float = 0.0) -> Iterator[str]:
    """The server's address behind a path on which each frame is lost, doubled or swapped with these chances."""
    middle = f"toktra-{secrets.token_hex(4)}-m"
    with ExitStack() as exit_:
        subprocess.run(["ip", "netns", "add", middle], check=True)
        exit_.callback(subprocess.run, ["ip", "netns", "delete", middle], check=True)
        for namespace, link, address in (
            (lab.client, "bad", IMPAIRED_CLIENT_4),
            (lab.server, "bad", IMPAIRED_SERVER_4),
        ):
            far = "to-c" if namespace == lab.client else "to-s"
            for command in (
                f"link add {link} netns {namespace} type veth peer name {far} netns {middle}",
                f"-n {namespace} address add {address}/24 dev {link}",
                f"-n {namespace} link set {link} up",
                f"-n {middle} link set {far} up",
            ):
                subprocess.run(["ip", *command.split()], check=True)
            lab.in_namespace(namespace, partial(_plain_frames, link))
        ends = lab.in_namespace(middle, lambda: [_frames_of(name) for name in ("to-c", "to-s")])
        stop = threading.Event()
        forwarder = threading.Thread(target=_forward, args=(ends, stop, lose, double, swap))
        forwarder.start()
        try:
            yield IMPAIRED_SERVER_4
        finally:
            stop.set()
            forwarder.join()
            for end in ends:
                end.close()


def _forward(ends: list[socket.socket], stop: threading.Event, lose: float, double: float, swap: float) -> None:
    chance = random.Random(20)
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    held: dict[socket.socket, bytes] = {}
    while not stop.is_set():
        readable, _, _ = select.select(ends, [], [], 0.02)
        for end in ends:
            if end not in readable:
                if end in held:
                    other[end].send(held.pop(end))
                continue
            frame, address = end.recvfrom(65535)
            if address[2] == _PACKET_OUTGOING:
                continue
            small = len(frame) < 100  # acknowledgements and handshakes pass: the test should end some day
            if small or chance.random() >= lose:
                if not small and end not in held and chance.random() < swap:
                    held[end] = frame
                    continue
                other[end].send(frame)
                if not small and chance.random() < double:
                    other[end].send(frame)
            if end in held:
                other[end].send(held.pop(end))


def _frames_of(name: str) -> socket.socket:
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    frames.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    frames.bind((name, _ETH_P_ALL))
    return frames


def _plain_frames(name: str) -> None:
    """Frames of at most the link's size with whole checksums, as a forwarder by hand needs them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for setting in _OFFLOADS_OFF:
            value = ctypes.create_string_buffer(struct.pack("II", setting, 0), 8)
            request = struct.pack("16sQ", name.encode(), ctypes.addressof(value))
            fcntl.ioctl(control, _SIOCETHTOOL, request)
