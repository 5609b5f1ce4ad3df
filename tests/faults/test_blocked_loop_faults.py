"""An action holds up the event loop: the log says which, readiness is gone for a while, and nothing is lost."""

from fault_world import World

ACTION = """
import time
from rasa_sdk import Action


class Slow(Action):
    def name(self):
        return "action_slow"

    async def run(self, dispatcher, tracker, domain):
        time.sleep(3)
        return []
"""


async def test_an_action_that_sleeps_in_the_event_loop_is_named_and_readiness_is_gone(world: World) -> None:
    folder = world.assistant / "actions"
    folder.mkdir()
    (folder / "actions.py").write_text(ACTION)
    await world.start()
    async with world.session.get(world.server.address + "/ready") as response:
        assert response.status == 200

    await world.ask("c1", "slow")
    await world.until(lambda: '"event_loop_blocked"' in world.server.log)
    async with world.session.get(world.server.address + "/ready") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
    await world.ask("c2")
    await world.settled()

    (line,) = (line for line in world.server.log.splitlines() if '"event_loop_blocked"' in line)
    assert "actions.py" in line
    assert '"event_loop_free"' in world.server.log
    assert world.broken() == {}
