"""Letters by e-mail: written in the transaction they belong to, sent by a job, kept no longer than it takes.

    await post(connection, tenant_id, Letter(subject=…, paragraphs=[…], facts=[…], link=Link(label, "/budgets/…")),
               person_id=…, once="budget:alert:…")

A letter holds what its reader may know anyway, in whole sentences through gettext, and no picture or tracking link.
"""

from toktra.server.mail.letter import Fact, Letter, Link
from toktra.server.mail.service import post

__all__ = ["Fact", "Letter", "Link", "post"]
