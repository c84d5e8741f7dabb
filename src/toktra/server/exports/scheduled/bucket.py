"""An S3 bucket as a place to send to: in parts that can be gone on with, and visible only when whole.

Blocking, for a thread of its own. Nothing is read from the environment or from files of the machine: the keys are those
that were entered, and where they may be sent is checked before anything is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from toktra.server.exports.scheduled.schedule import Bucket, Fault, Keys, NotDelivered
from toktra.server.residency.places import LOCAL, Inside, OutsideRegion, check_bucket

PART_BYTES: Final = 8 << 20
"""S3 wants 5 MiB at least, and 10,000 parts at most: files up to 80 GB."""
SHA256: Final = "toktra-sha256"

P = ParamSpec("P")
T = TypeVar("T")


class UploadGone(Exception):
    """The service knows nothing of an upload in parts that was begun."""


def _clear(call: Callable[Concatenate[Sending, P], T]) -> Callable[Concatenate[Sending, P], T]:
    """Faults of the service as ours. Raises NotDelivered."""

    @wraps(call)
    def clear(self: Sending, /, *args: P.args, **named: P.kwargs) -> T:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # noqa: PLC0415

        try:
            return call(self, *args, **named)
        except ClientError as error:
            raise _refusal(error) from None
        except BotoCoreError as error:
            raise NotDelivered(Fault.UNREACHABLE, type(error).__name__[:60]) from None
        except OutsideRegion:
            raise NotDelivered(Fault.OUTSIDE_REGION) from None

    return clear


def _refusal(error: Any) -> NotDelivered:
    said = error.response.get("Error", {}).get("Code", "")
    code = said if re.fullmatch("[A-Za-z0-9]{1,60}", said) else ""
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:  # no answer to what was asked
        return NotDelivered(Fault.UNREACHABLE, code)
    return NotDelivered(Fault.NO_BUCKET if code == "NoSuchBucket" else Fault.REFUSED, code)


class Sending:
    """One bucket, with the keys to it."""

    def __init__(self, target: Bucket, keys: Keys, *, inside: Inside) -> None:
        """A bucket that says it is not `inside` this server's region is refused."""
        import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import, and few send to a bucket
        from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415

        self._target = target
        self._inside = inside
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=target.endpoint or None,
            region_name=target.region,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            config=Config(
                connect_timeout=10,
                read_timeout=60,
                retries={"total_max_attempts": 1},  # trying again is the job's
                signature_version="s3v4",
                s3={"addressing_style": "path" if target.endpoint else "auto"},
                ignore_configured_endpoint_urls=True,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    @_clear
    def check_place(self) -> None:
        """Raises NotDelivered for a bucket that is outside the server's region by its service's own word."""
        if self._inside.region != LOCAL:
            found = self._client.get_bucket_location(Bucket=self._target.bucket).get("LocationConstraint")
            check_bucket(found, self._target.bucket, self._inside, is_amazons=not self._target.endpoint)

    @_clear
    def try_out(self) -> None:
        """Writes a small object beside the exports, and takes it away where the keys may."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        of = self._of("toktra-test.txt")
        self._client.put_object(**of, Body=b"Toktra can write here. This object can be deleted.\n")
        with suppress(ClientError):  # exports are never deleted, so keys need not be good for it
            self._client.delete_object(**of)

    def holds(self, name: str, sha256: str) -> bool:
        """Whether exactly this file was delivered before."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        @_clear
        def ask(self: Sending) -> bool:
            try:
                found = self._client.head_object(**self._of(name))
            except ClientError as error:
                # Keys that may write and not read are as good: then it is sent, to the same name.
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (403, 404):
                    return False
                raise
            return bool(found.get("Metadata", {}).get(SHA256) == sha256)

        return ask(self)

    @_clear
    def put(self, name: str, file: Path, about: Mapping[str, str]) -> None:
        """A file that is no longer than a part, at once."""
        with file.open("rb") as body:
            self._client.put_object(**self._of(name), Body=body, Metadata=dict(about))

    @_clear
    def begin(self, name: str, about: Mapping[str, str]) -> str:
        """Begins an upload in parts; the answer is its name."""
        return str(self._client.create_multipart_upload(**self._of(name), Metadata=dict(about))["UploadId"])

    @_clear
    def parts(self, name: str, upload_id: str) -> dict[int, tuple[str, int]]:
        """What has arrived of an upload: by number, tag and size. Raises UploadGone."""
        found: dict[int, tuple[str, int]] = {}
        try:
            for page in self._client.get_paginator("list_parts").paginate(**self._of(name), UploadId=upload_id):
                for part in page.get("Parts", ()):
                    found[part["PartNumber"]] = (part["ETag"], part["Size"])
        except self._client.exceptions.NoSuchUpload:
            raise UploadGone from None
        return found

    @_clear
    def send_part(self, name: str, upload_id: str, number: int, content: bytes) -> str:
        """Sends one part and answers its tag. Parts are numbered from 1."""
        sent = self._client.upload_part(**self._of(name), UploadId=upload_id, PartNumber=number, Body=content)
        return str(sent["ETag"])

    @_clear
    def finish(self, name: str, upload_id: str, tags: Mapping[int, str]) -> None:
        """Makes the parts one object, which others then see."""
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in sorted(tags.items())]
        self._client.complete_multipart_upload(**self._of(name), UploadId=upload_id, MultipartUpload={"Parts": parts})

    @_clear
    def drop(self, name: str, upload_id: str) -> None:
        """Takes away what arrived of an upload that is not gone on with."""
        try:
            self._client.abort_multipart_upload(**self._of(name), UploadId=upload_id)
        except self._client.exceptions.NoSuchUpload:
            return

    def _of(self, name: str) -> dict[str, str]:
        return {"Bucket": self._target.bucket, "Key": self._target.prefix + name}
