"""A platform's token is asked for once, renewed in time, and never asked for by two at once."""

import asyncio

import pytest

from bot.channels.access_token import AccessToken, Granted
from bot.delivery import NotSent, Rejected, Uncertain


class Platform:
    """Gives `t1`, `t2` and so on."""

    def __init__(self, lasts_s: float = 7_200.0) -> None:
        self.now, self.count, self.lasts_s = 1_000.0, 0, lasts_s
        self.fails: Exception | None = None

    async def ask(self) -> Granted:
        self.count += 1
        count = self.count
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        return Granted(token=f"t{count}", lasts_s=self.lasts_s)

    def token(self) -> AccessToken:
        return AccessToken(self.ask, lambda: self.now)


async def test_those_who_need_it_at_once_get_one_answer() -> None:
    platform = Platform()
    token = platform.token()

    assert await asyncio.gather(*(token.get() for _ in range(5))) == ["t1"] * 5
    assert platform.count == 1


@pytest.mark.parametrize(("lasts_s", "still_s", "over_s"), [(7_200.0, 6_899.0, 6_900.0), (10.0, 29.0, 30.0)])
async def test_it_is_renewed_five_minutes_before_its_end(lasts_s: float, still_s: float, over_s: float) -> None:
    platform = Platform(lasts_s)
    token = platform.token()
    await token.get()

    platform.now = 1_000.0 + still_s
    assert await token.get() == "t1"
    platform.now = 1_000.0 + over_s
    assert await token.get() == "t2"


async def test_one_that_is_not_taken_any_more_is_forgotten_once() -> None:
    platform = Platform()
    token = platform.token()
    old = await token.get()

    token.forget(old)
    new = await token.get()
    token.forget(old)  # somebody else had it too

    assert (await token.get(), new, platform.count) == ("t2", "t2", 2)


@pytest.mark.parametrize(
    ("fails", "kind"),
    [(Uncertain("no answer"), NotSent), (NotSent("busy", 7.0), NotSent), (Rejected("wrong secret"), Rejected)],
)
async def test_without_a_token_nothing_was_sent(fails: Exception, kind: type[Exception]) -> None:
    platform = Platform()
    platform.fails = fails
    token = platform.token()

    with pytest.raises(kind):
        await token.get()
    platform.fails = None
    assert await token.get() == "t2"
