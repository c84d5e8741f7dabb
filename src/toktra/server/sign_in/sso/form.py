"""The form about the organisation's own sign-in: what was typed becomes settings, or errors by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from toktra.server.sign_in.sso.settings import GIVEN_ROLES, SsoSettings
from toktra.server.web.access import Role
from toktra.server.web.language import _

MOST_DOMAINS: Final = 50
MOST_GROUPS: Final = 30
SPARE_LINES: Final = 3
_LONGEST: Final = 500
_DOMAIN: Final = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoForm:
    """What the fields hold, and what is wrong with them."""

    issuer: str = ""
    client_id: str = ""
    email_domains: str = ""
    adds_people: bool = True
    trusts_silence: bool = False
    group_claim: str = ""
    groups: tuple[tuple[str, str], ...] = ()
    errors: Mapping[str, str]

    @classmethod
    def of(cls, settings: SsoSettings | None) -> SsoForm:
        if settings is None:
            return cls(errors={})
        return cls(
            issuer=settings.issuer,
            client_id=settings.client_id,
            email_domains=", ".join(settings.email_domains),
            adds_people=settings.adds_people,
            trusts_silence=settings.trusts_silence,
            group_claim=settings.group_claim,
            groups=tuple((group, role.value) for group, role in settings.groups),
            errors={},
        )

    @classmethod
    def typed(cls, fields: Mapping[str, str], errors: Mapping[str, str]) -> SsoForm:
        return cls(
            issuer=fields.get("issuer", ""),
            client_id=fields.get("client_id", ""),
            email_domains=fields.get("email_domains", ""),
            adds_people="adds_people" in fields,
            trusts_silence="trusts_silence" in fields,
            group_claim=fields.get("group_claim", ""),
            groups=_lines(fields),
            errors=errors,
        )

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The groups, and some lines to add more."""
        spare = min(SPARE_LINES, MOST_GROUPS - len(self.groups))
        return [*self.groups, *[("", Role.EMPLOYEE.value)] * spare]


class SsoFormRefused(Exception):
    """Nothing was changed; `form` says which fields are why."""

    def __init__(self, form: SsoForm) -> None:
        super().__init__("; ".join(form.errors.values()))
        self.form = form


def read_settings(fields: Mapping[str, str]) -> SsoSettings:
    """What the form says. Raises SsoFormRefused with every field that cannot be taken."""
    errors: dict[str, str] = {}
    issuer, client_id = fields.get("issuer", "").strip(), fields.get("client_id", "").strip()
    if not issuer or len(issuer) > _LONGEST:
        errors["issuer"] = _("Issuer: the address of the provider, such as https://login.example.org.")
    if not client_id or len(client_id) > _LONGEST:
        errors["client_id"] = _("Client ID: the name under which the provider knows Toktra.")
    domains = [part.removeprefix("@").lower() for part in re.split(r"[\s,;]+", fields.get("email_domains", "")) if part]
    wrong = next((domain for domain in domains if not _DOMAIN.fullmatch(domain)), None)
    if wrong is not None:
        errors["email_domains"] = _("Domains: “%(text)s” is no domain, such as example.org.") % {"text": wrong[:60]}
    elif not domains or len(domains) > MOST_DOMAINS:
        errors["email_domains"] = _("Domains: at least one. Only addresses in these domains are believed.")
    claim = fields.get("group_claim", "").strip()
    groups = [(group.strip(), role) for group, role in _lines(fields) if group.strip()]
    if groups and not claim:
        errors["group_claim"] = _("Claim with groups: without its name no group can be read. Often it is “groups”.")
    if len(claim) > 100 or any(len(group) > _LONGEST for group, _role in groups):
        errors["group_claim"] = _("Claim with groups: too long.")
    if len({group for group, _role in groups}) != len(groups):
        errors["groups"] = _("Groups: one stands there twice. The first that fits counts, so name each once.")
    roles = {role.value: role for role in GIVEN_ROLES}
    if any(role not in roles for _group, role in groups):
        errors["groups"] = _("Groups: no group can make an owner, and there is no other such role.")
    if errors:
        raise SsoFormRefused(SsoForm.typed(fields, errors))
    return SsoSettings(
        issuer=issuer,
        client_id=client_id,
        email_domains=tuple(dict.fromkeys(domains)),
        adds_people="adds_people" in fields,
        trusts_silence="trusts_silence" in fields,
        group_claim=claim,
        groups=tuple((group, roles[role]) for group, role in groups),
    )


def _lines(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    found = []
    for number in range(MOST_GROUPS):
        group = fields.get(f"group-{number}", "")
        if group.strip():
            found.append((group, fields.get(f"role-{number}", Role.EMPLOYEE.value)))
    return tuple(found)
