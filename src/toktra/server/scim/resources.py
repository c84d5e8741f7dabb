"""Users and groups as SCIM speaks of them: only what is kept here, so that what is sent in excess is dropped.

Attribute names and characteristics are those of RFC 7643, sections 4.1 to 4.3. What the published schemas leave out is
accepted and forgotten: a directory may send names, addresses and telephone numbers, and none of them is needed.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field
from scim2_models import (
    URI,
    URN,
    AnyExtension,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    ExtensibleStringEnum,
    Extension,
    Filter,
    Mutability,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Returned,
    Schema,
    SchemaExtension,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

MOST_RESULTS: Final = 200
LENIENT: Final = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""What directories in use send beside the letter of the standard: more attributes, and removals that carry a value."""


class UserEmail(ComplexAttribute):
    """An address. Only one is kept: the primary, or else the first; it is one of work, whatever else was said."""

    class Type(ExtensibleStringEnum):
        """What directories filter by: emails[type eq "work"]."""

        work = "work"

    value: Annotated[str | None, Required.true] = None
    type: Type | None = Field(None, examples=["work"])
    primary: Annotated[bool | None, Returned.never] = None


class Work(Extension):
    """The part of the enterprise extension that is kept."""

    __schema__ = URN("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")

    department: str | None = None


class User(Resource[AnyExtension]):
    """A person."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.server, Returned.default] = None
    display_name: Annotated[str | None, Required.true] = None
    active: Annotated[bool | None, Required.true] = None
    emails: list[UserEmail] | None = None


class Member(ComplexAttribute):
    """A person in a group."""

    value: Annotated[str | None, Mutability.immutable, Required.true, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(  # type: ignore[type-arg]  # noqa: UP037
        None, serialization_alias="$ref", validation_alias="$ref"
    )


class Group(Resource[Any]):
    """A group of the organisation's directory."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    members: list[Member] | None = None


WorkingUser = User[Work]


def schemas() -> list[Schema]:
    """As they are published: without what only helps to read a request, and is never in an answer."""
    published = [model.to_schema() for model in (User, Work, Group)]
    for schema in published:
        for attribute in schema.attributes or ():
            attribute.sub_attributes = [
                part for part in attribute.sub_attributes or () if part.returned is not Returned.never
            ] or None
    return published


CONFIG: Final = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MOST_RESULTS),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=False),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="A token that an administrator makes on the page People, Directory sync.",
            primary=True,
        )
    ],
)
RESOURCE_TYPES: Final = (
    ResourceType(
        id="User",
        name="User",
        endpoint=Reference[URI]("/Users"),
        description="A person",
        schema=Reference[URI](User.__schema__),
        schema_extensions=[SchemaExtension(schema=Reference[URI](Work.__schema__), required=False)],
    ),
    ResourceType(
        id="Group",
        name="Group",
        endpoint=Reference[URI]("/Groups"),
        description="A group of people",
        schema=Reference[URI](Group.__schema__),
    ),
)
