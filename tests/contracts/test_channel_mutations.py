"""Bodies that a platform has rightly signed, with anything wrong in them, are taken, passed over or refused."""

import structlog.testing
from channel_world import World
from mutations import mutated

COUNT = 250


async def test_a_changed_body_never_breaks_anything(world: World) -> None:
    plain = world.vendor.plain(user="ann", text="hello <there> & back", id="m-1")
    brought = [(body, world.vendor.bringing(body)) for body in mutated(plain, COUNT)]

    with structlog.testing.capture_logs() as lines:
        answers = [(body, (await world.bring(request))[0]) for body, request in brought if request is not None]
        genuine = world.vendor.bringing(world.vendor.plain(user="ben", text="still there", id="m-2"))
        assert genuine is not None
        status, _ = await world.bring(genuine)
        await world.settled("ben", 2)

    assert [(body, status) for body, status in answers if status >= 500] == []
    assert [line for line in lines if line["event"] == "unexpected_error" or line.get("exc_info")] == []
    assert status < 300
    world.vendor.refused.clear()  # a changed body may name somebody whom the platform does not know
