"""What providers are used for, in the reader's language. The catalogue, which devices read too, has it in English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from toktra.catalogue.providers import Kind
from toktra.server.web.language import _

KIND_WORDS: Final[Mapping[Kind, str]] = {
    Kind.API: _("Model API"),
    Kind.CHAT: _("Chat"),
    Kind.CODING_ASSISTANT: _("Coding assistant"),
    Kind.IMAGE_VOICE: _("Image, video and voice"),
    Kind.SEARCH: _("Search and research"),
}
"""A test sees to it that these are the catalogue's."""
