"""The records of looks at order books alone: the monitor's, and those after a request to a broker.

There is one a minute, so those with nothing to tell but that whole answers were taken share a row.
What belongs here: writing them. What does not: the looks of syncs (``cycle``, ``repeating``), what
a record says (``domain.looks``), looks that the books refused (``refusing``).
"""

from collections.abc import Iterable, Sequence

from tradesync_dagster.domain.looks import Look
from tradesync_dagster.domain.quiet_looks import pack
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.fetching import Answers


def keep_records(work: UnitOfWork, looks: Sequence[Answers], records: Iterable[Look]) -> None:
    """Write the records of looks; old ones are cleared by syncs.

    Args:
        work: The transaction in which the looks changed what they did.
        looks: What brokers said.
        records: What was made of it.
    """
    organizations = {look.account.account_id: look.account.organization_id for look in looks}
    found = list(records)
    work.add_quiet_looks(pack((one for one in found if one.is_plain), organizations))
    work.add_looks([one for one in found if not one.is_plain])
