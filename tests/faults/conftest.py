"""What the fault tests share: a world in which servers end badly."""

import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fault_world import World


@pytest.fixture
def seed() -> int:
    """What is printed makes a failure happen again, as far as that can be."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed={seed}\n")
    return seed


@pytest.fixture
async def world(tmp_path: Path, seed: int) -> AsyncIterator[World]:
    """A data folder with a release, a receiver, and no server yet."""
    world = World(tmp_path, seed)
    await world.open()
    yield world
    await world.close()
