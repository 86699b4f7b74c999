"""Whose strategy an external order is: points for evidence, and a decision that can be explained.

Pure and of whole numbers only. What is known for each strategy goes in (``Evidence``), points and a
decision come out; both are stored, so that other rules can be tried over past orders without
finding the evidence again. What belongs here: weighing and deciding. What does not: finding the
evidence (``attribution_evidence``), writing the decision (``sync.attributing``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.orders import Side

RULES_VERSION: Final = "1"
"""Changes whenever the same evidence may lead to another decision."""
AUTOMATIC_STRATEGY: Final = "external"
"""The strategy that takes orders which nobody owns, where that is switched on."""

_CERTAIN: Final = 100
_LONE: Final = 69
"""The most that a strategy can reach without any evidence for the instrument."""
_WORDS: Final = frozenset({"tag", "claim"})
_FOR_THE_INSTRUMENT: Final = _WORDS | {"position", "activity"}


class Reason(StrEnum):
    """Why an order was given to a strategy, or was not."""

    ASSIGNED = "assigned"
    BELOW_THRESHOLD = "below_threshold"
    TOO_CLOSE = "too_close"
    LACKS_QUANTITY = "lacks_quantity"
    NO_EVIDENCE = "no_evidence"


@dataclass(frozen=True, slots=True)
class Weights:
    """The points that each part is worth.

    Attributes:
        tag: The order's tag names the strategy.
        claim: Somebody said that the instrument is the strategy's.
        position: The strategy has open what the order reduces, and enough of it.
        activity: The strategy traded the instrument lately.
        product: Most of its orders have this product.
        time: It has traded at this time of day.
        size: The quantity is like its others in the instrument.
    """

    tag: int = 100
    claim: int = 85
    position: int = 70
    activity: int = 40
    product: int = 10
    time: int = 10
    size: int = 10


@dataclass(frozen=True, slots=True)
class AttributionRules:
    """How evidence is weighed.

    Attributes:
        version: Stored with every decision.
        threshold: The least score that makes an owner.
        margin: When the second best comes this near, nobody is.
        most_without_word: The most that circumstances reach together, so that a tag or a claim
            outweighs them all.
        recent_days: What "lately" means.
        minutes: How near a time of day is the same.
        size_range: Percent of the usual size that is like it.
        product_share: Percent of the orders that make a product usual.
        automatic_strategy: Takes what stays unassigned; empty for nobody.
    """

    version: str = RULES_VERSION
    threshold: int = 70
    margin: int = 10
    weights: Weights = field(default_factory=Weights)
    most_without_word: int = 85
    recent_days: int = 30
    minutes: int = 30
    size_range: tuple[int, int] = (50, 200)
    product_share: int = 50
    automatic_strategy: str = ""

    def weighing(self, changes: Mapping[str, int]) -> "AttributionRules":
        """Return rules with other points for some parts.

        Raises:
            ConfigurationError: There is no such part, or the points are not 0 to 100.
        """
        known = asdict(self.weights)
        for name, points in changes.items():
            if name not in known or not 0 <= points <= _CERTAIN:
                raise ConfigurationError(
                    f"{name}={points} is no weight: give 0 to 100 points to any of "
                    f"{', '.join(known)}"
                )
        return replace(self, weights=Weights(**{**known, **changes}))


VERSIONS: Final[Mapping[str, AttributionRules]] = MappingProxyType(
    {
        RULES_VERSION: AttributionRules(),
        # Only what somebody said counts; circumstances never make an owner.
        "words": AttributionRules(version="words", most_without_word=0),
    }
)
"""Rules that can be tried by name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one strategy beside one order.

    Attributes:
        named: Whether the order's tag names it.
        claimed: Whether the instrument is claimed for it.
        held: Open units that the order's side reduces: long ones for a sell, short ones for a buy.
        days_since: Days since it last traded the instrument; ``None`` for not within memory.
        product_percent: Share of its orders with the order's product.
        minutes_off: Minutes between the order's time of day and the nearest of its orders';
            ``None`` without orders.
        size_percent: The order's quantity in percent of its usual one in the instrument; ``None``
            without orders in it.
    """

    strategy_id: str
    named: bool = False
    claimed: bool = False
    held: int = 0
    days_since: int | None = None
    product_percent: int = 0
    minutes_off: int | None = None
    size_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """One strategy's points.

    Attributes:
        score: 0 to 100.
        points: By part, those that count.
        lacks_quantity: Whether it cannot be the owner, as a sell needs more than it has.
    """

    evidence: Evidence
    score: int
    points: Mapping[str, int]
    lacks_quantity: bool

    @property
    def strategy_id(self) -> str:
        """Whose points they are."""
        return self.evidence.strategy_id


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of an order.

    Attributes:
        strategy_id: The owner; empty where it stays unassigned.
        score: That of the best strategy, owner or not.
        runner_up: The second best; empty without one.
        ranked: All with evidence, best first.
    """

    strategy_id: str
    score: int
    reason: Reason
    runner_up: str
    ranked: tuple[Scored, ...]


def weigh(evidence: Evidence, side: Side, wanted: int, rules: AttributionRules) -> Scored:
    """Give a strategy its points.

    Args:
        evidence: What is known.
        side: The order's.
        wanted: The units that the order needs.
        rules: How to weigh.

    Returns:
        The score and its parts.
    """
    low, high = rules.size_range
    days, off, size = evidence.days_since, evidence.minutes_off, evidence.size_percent
    found = {
        "tag": evidence.named,
        "claim": evidence.claimed,
        "position": 0 < wanted <= evidence.held,
        "activity": days is not None and days <= rules.recent_days,
        "product": evidence.product_percent >= rules.product_share,
        "time": off is not None and off <= rules.minutes,
        "size": size is not None and low <= size <= high,
    }
    worth = asdict(rules.weights)
    points = {name: worth[name] for name, there in found.items() if there and worth[name]}
    words = sum(points.get(name, 0) for name in _WORDS)
    circumstances = min(sum(points.values()) - words, rules.most_without_word)
    score = min(words + circumstances, _CERTAIN)
    if _FOR_THE_INSTRUMENT.isdisjoint(points):
        # However alone it is: that a strategy trades at all says nothing about this instrument.
        score = min(score, _LONE, rules.threshold - 1)
    return Scored(evidence, score, points, side is Side.SELL and wanted > evidence.held)


def decide(side: Side, wanted: int, known: Iterable[Evidence], rules: AttributionRules) -> Decision:
    """Find an order's owner.

    Args:
        side: The order's.
        wanted: The units that it needs.
        known: What is known of each strategy, in any order.
        rules: How to weigh.

    Returns:
        The owner, or why there is none.
    """
    scored = sorted(
        (weigh(evidence, side, wanted, rules) for evidence in known),
        key=lambda one: (one.lacks_quantity, -one.score, one.strategy_id),
    )
    able = [one for one in scored if not one.lacks_quantity and one.score > 0]
    best = able[0].score if able else 0
    runner_up = able[1].strategy_id if len(able) > 1 else ""
    reason = _reason(scored, able, rules)
    owner = able[0].strategy_id if reason is Reason.ASSIGNED else ""
    return Decision(owner, best, reason, runner_up, tuple(scored))


def _reason(scored: list[Scored], able: list[Scored], rules: AttributionRules) -> Reason:
    if not able or able[0].score < rules.threshold:
        if any(one.lacks_quantity and one.score >= rules.threshold for one in scored):
            return Reason.LACKS_QUANTITY
        return Reason.BELOW_THRESHOLD if able else Reason.NO_EVIDENCE
    if len(able) > 1 and able[0].score - able[1].score <= rules.margin:
        return Reason.TOO_CLOSE
    return Reason.ASSIGNED


def parts_of(
    side: Side, wanted: int, decision: Decision, rules: AttributionRules
) -> dict[str, Any]:
    """Write a decision's evidence down, as JSON of whole numbers."""
    return {
        "side": side.value,
        "wanted": wanted,
        "threshold": rules.threshold,
        "reason": decision.reason.value,
        "candidates": [
            {
                "evidence": asdict(one.evidence),
                "points": dict(one.points),
                "score": one.score,
                "lacks_quantity": one.lacks_quantity,
            }
            for one in decision.ranked
        ],
    }


def decide_again(parts: Mapping[str, Any], rules: AttributionRules) -> Decision:
    """Decide by other rules on evidence that was written down with ``parts_of``."""
    known = [Evidence(**one["evidence"]) for one in parts["candidates"]]
    return decide(Side(parts["side"]), parts["wanted"], known, rules)
