"""Work that is done after the answer: kept in the database, done at least once, tried again when it fails.

How a room adds a job, in its own `jobs.py`, whose name is then added to `jobs/rooms.py`:

    @job("mail:send", backoff=Backoff(attempts=8))
    async def send(work: Work, *, mail_id: UUID) -> None:
        async with work.transaction() as connection:  # confined to the job's tenant
            ...

    await defer(connection, send, tenant_id, mail_id=mail_id)  # in the caller's own transaction: with it or not at all
    await defer(connection, send.with_options(at=tomorrow, once=str(mail_id)), tenant_id, mail_id=mail_id)

    @periodic_job("budgets:check", cron="*/15 * * * *")  # UTC; once for each tenant
    async def check(work: Work) -> None: ...

A job may be done twice (a worker may die between doing and saying so): it looks first whether it was done. Arguments
are ids, numbers, dates and short lower-case words, never anything said about a person. It raises to be tried again,
and GiveUp when trying again is no use; `work.is_last_attempt` says when to write down that it failed. In tests,
`work_off` (jobs/worker.py) does what waits.
"""

from toktra.server.jobs.declaring import GiveUp, Job, Work, job, periodic_job
from toktra.server.jobs.queue import defer
from toktra.server.jobs.retrying import Backoff

__all__ = ["Backoff", "GiveUp", "Job", "Work", "defer", "job", "periodic_job"]
