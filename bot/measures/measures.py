"""Everything that is told of a period, made of what was counted. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.measures.conversations import Conversations
from bot.measures.figures import Bucket, Moods, Outcomes, moods_of, outcomes_of
from bot.measures.judged import Judged, JudgedTally, Thumbs
from bot.measures.parts import GivenPair, Part, Unanswered, parts_of
from bot.measures.period import Period, bucket_of
from bot.measures.response_time import ResponseTime, response_time
from bot.measures.rising import Rising
from bot.measures.satisfaction import Satisfaction
from bot.measures.share import Share
from bot.measures.tally import Tally
from bot.stores.measures import Name
from bot.stores.turn_counting import Only
from retrieval.promise import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The figures of a period.

    Attributes:
        parts: Days or hours, in order.
        channels: Those with the most messages first.
        intents: As `channels`.
        pairs: Those that were given most often first.
        hours: Messages by day of the week, 0 for Monday, and hour; those without any are left out.
        rising: None where there is too little before the period to compare with.
        unanswered: Clusters, the largest first; None where nobody looked for them.
    """

    period: Period
    only: Only
    conversations: Conversations
    outcomes: Outcomes
    moods: Moods
    time: ResponseTime
    judged: Judged
    thumbs: Thumbs
    satisfaction: Satisfaction
    parts: tuple[Bucket, ...]
    channels: tuple[Part, ...]
    intents: tuple[Part, ...]
    pairs: tuple[GivenPair, ...]
    hours: Mapping[tuple[int, int], int]
    rising: tuple[Rising, ...] | None
    unanswered: tuple[Unanswered, ...] | None = None


def measures_of(
    period: Period,
    only: Only,
    tally: Tally,
    judged: JudgedTally,
    *,
    satisfaction: Satisfaction,
    rising: tuple[Rising, ...] | None,
    promise: Promise | None,
) -> Measures:
    """The figures that follow from what was counted."""
    messages: Counter[tuple[Name, Name]] = Counter()
    times: Counter[int] = Counter()
    for bucket in tally.buckets:
        messages.update(bucket.messages)
        times.update(bucket.times)
    return Measures(
        period=period,
        only=only,
        conversations=tally.seen.counted(),
        outcomes=outcomes_of(messages),
        moods=moods_of(messages),
        time=response_time(times),
        judged=Judged(wrong=judged.wrong(), given=tally.given, by_reviewers=judged.by_reviewers, promise=promise),
        thumbs=judged.thumbs,
        satisfaction=satisfaction,
        parts=_buckets(period, tally, judged),
        channels=parts_of(tally.channels, judged.by("channel"), tally.seen.by_channel()),
        intents=parts_of(tally.intents, judged.by("intent"), {}),
        pairs=tuple(GivenPair(id=pair, count=count) for pair, count in _most_first(tally.pairs.items())),
        hours=dict(tally.hours),
        rising=rising,
    )


def _buckets(period: Period, tally: Tally, judged: JudgedTally) -> tuple[Bucket, ...]:
    edges = period.buckets()
    said = Counter((bucket_of(edges, one.at), one.is_right) for one in judged.judgements)
    seen = tally.seen.by_bucket(len(edges))
    return tuple(
        Bucket(
            since=since,
            until=until,
            conversations=seen[place],
            outcomes=outcomes_of(counted.messages),
            moods=moods_of(counted.messages),
            time=response_time(counted.times),
            wrong=Share(count=said[(place, False)], of=said[(place, False)] + said[(place, True)]),
        )
        for place, ((since, until), counted) in enumerate(zip(edges, tally.buckets, strict=True))
    )


def _most_first(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda item: (-item[1], item[0]))
