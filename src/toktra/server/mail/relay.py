"""Hands one message to the SMTP relay of the settings. Encryption is what the settings say or nothing is sent."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from email.message import EmailMessage
from typing import Final

import aiosmtplib

from toktra.server.settings import MailTls, ServerSettings

SEND_WITHIN_S: Final = 60.0
_ONE_ANSWER_WITHIN_S: Final = 20.0
_PORTS: Final = {MailTls.STARTTLS: 587, MailTls.TLS: 465, MailTls.NONE: 25}


class Refused(Exception):
    """The relay will not take this message, now or later."""


class Unreachable(Exception):
    """The relay could not be used this time. The text says why, and names no address but the relay's."""


async def hand_over(message: EmailMessage, settings: ServerSettings) -> None:
    """The relay has taken responsibility for the message when this returns. Raises Refused or Unreachable."""
    client = _client(settings)
    transport: asyncio.BaseTransport | None = None
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await client.connect()
            transport = client.transport
            if settings.mail_user and settings.mail_password:
                await client.login(settings.mail_user, settings.mail_password)
            await client.send_message(message)
        await _say_goodbye(client)
    except aiosmtplib.SMTPRecipientsRefused as error:
        _raise(error.recipients[0])
    except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPSenderRefused) as error:
        _raise(error)
    except aiosmtplib.SMTPAuthenticationError as error:
        raise Unreachable(
            f"the mail relay {settings.mail_relay} does not accept TOKTRA_MAIL_USER ({error.code})"
        ) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise Unreachable(f"the mail relay {settings.mail_relay} cannot be used: {_reason(error)}") from None
    finally:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()  # a close in good order waits for the relay's own
        client.close()


def _client(settings: ServerSettings) -> aiosmtplib.SMTP:
    tls = settings.mail_tls
    return aiosmtplib.SMTP(
        hostname=settings.mail_relay,
        port=settings.mail_port or _PORTS[tls],
        local_hostname=str(settings.mail_from).partition("@")[2],
        use_tls=tls is MailTls.TLS,
        start_tls=tls is MailTls.STARTTLS,
        tls_context=None if tls is MailTls.NONE else ssl.create_default_context(),
        timeout=_ONE_ANSWER_WITHIN_S,
    )


async def _say_goodbye(client: aiosmtplib.SMTP) -> None:
    """The message is the relay's by now: a goodbye that fails must not have it sent again."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.execute_command(b"QUIT")


def _raise(error: aiosmtplib.SMTPResponseException) -> None:
    """RFC 5321, 4.2.1: 5yz is for good, 4yz is for now. The relay's own words may name the reader."""
    if error.code >= 500:
        raise Refused(str(error.code)) from None
    raise Unreachable(f"the mail relay says {error.code}: try again later") from None


def _reason(error: BaseException) -> str:
    """A sentence without addresses of people: these errors are about the connection."""
    certificate = error.__cause__ if isinstance(error.__cause__, ssl.SSLCertVerificationError) else error
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({certificate.verify_message})"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return str(error) or type(error).__name__
