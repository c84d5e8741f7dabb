"""A typed client of Toktra's public API: one method for each of its operations, and a class for each of its bodies."""

from toktra_client.client import Client
from toktra_client.credentials import ClientCredentials
from toktra_client.errors import (
    ApiError,
    Busy,
    Conflict,
    ConnectionLost,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotUnderstood,
    Problem,
    TokenRefused,
    TooManyRequests,
    Unusable,
)

__all__ = [
    "ApiError",
    "Busy",
    "Client",
    "ClientCredentials",
    "Conflict",
    "ConnectionLost",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotUnderstood",
    "Problem",
    "TokenRefused",
    "TooManyRequests",
    "Unusable",
]
