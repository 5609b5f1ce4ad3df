"""What persons at their screens are told: a bounded feed for each. Who reads too slowly loses it, but no claim."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from typing import Any

MAX_FRAMES = 1_000
MAX_CHARS = 1_000_000


class Feed:
    """Frames for one reader, the oldest first.

    Attributes:
        lost: Whether more came than it holds; what it holds is gone then, as a gap would mislead.
    """

    def __init__(self, max_frames: int = MAX_FRAMES, max_chars: int = MAX_CHARS) -> None:
        self._max_frames, self._max_chars = max_frames, max_chars
        self._frames: deque[str] = deque()
        self._chars = 0
        self._changed = asyncio.Event()
        self.lost = False
        self.closed = False

    def tell(self, frame: Mapping[str, Any]) -> None:
        """Adds a frame for this reader alone."""
        self.put(json.dumps(frame))

    def put(self, frame: str) -> None:
        """Adds a frame; where there is no room left the feed is lost."""
        if self.lost or self.closed:
            return
        self._frames.append(frame)
        self._chars += len(frame)
        if len(self._frames) > self._max_frames or self._chars > self._max_chars:
            self.lost = True
            self._frames.clear()
        self._changed.set()

    async def get(self) -> str | None:
        """The next frame, waiting for one; None once the feed is lost, or closed and empty."""
        while not self._frames:
            if self.lost or self.closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        frame = self._frames.popleft()
        self._chars -= len(frame)
        return frame

    def close(self) -> None:
        """Lets the reader end once it has read the rest."""
        self.closed = True
        self._changed.set()


class Feeds:
    """All feeds that are open; every frame goes to each of them."""

    def __init__(self) -> None:
        self._open: set[Feed] = set()

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> Feed:
        """A new feed; `drop` it when its reader is gone."""
        feed = Feed()
        self._open.add(feed)
        return feed

    def drop(self, feed: Feed) -> None:
        """Forgets a feed."""
        self._open.discard(feed)

    def send(self, frame: Mapping[str, Any]) -> None:
        """Puts a frame on every feed."""
        if self._open:
            text = json.dumps(frame)
            for feed in self._open:
                feed.put(text)

    def close(self) -> None:
        """Lets all readers end."""
        for feed in self._open:
            feed.close()
