"""What people say about breaks.

What belongs here: changing a break's state, owner and note. What does not: finding breaks
(``reconciling``), closing them when they are gone (``domain.breaks``).
"""

from dataclasses import dataclass, replace

from tradesync_dagster.domain.breaks import SHOWN, BreakState
from tradesync_dagster.domain.errors import BreakNotFoundError
from tradesync_dagster.domain.ports import Store


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says about a break.

    Attributes:
        state: Explained, accepted, or open again.
        who: Owns the break from then on.
        note: In their words.
    """

    state: BreakState
    who: str
    note: str


def explain(store: Store, account_id: int, kind: str, subject: str, word: Word) -> None:
    """Keep what somebody says about a break.

    Args:
        store: The books.
        account_id: Whose break.
        kind: Its kind.
        subject: What differs.
        word: What is said.

    Raises:
        BreakNotFoundError: There is no such break, or it is gone.
    """
    with store.begin([account_id]) as work:
        known = [b for b in work.breaks([account_id], [kind]) if b.subject == subject]
        if not known or known[0].state not in SHOWN:
            raise BreakNotFoundError(
                f"there is no open break {kind} {subject!r}; see them with: tradesync breaks list"
            )
        work.put_known_breaks([replace(known[0], state=word.state, owner=word.who, note=word.note)])
