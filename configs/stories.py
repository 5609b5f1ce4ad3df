"""Rasa stories: how a conversation may go. Checkpoints are joined, so that each story is one plain sequence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from configs.flows import Step, Story
from configs.rules import where
from configs.steps import CheckpointStep, NotFollowed, parse_steps, variants
from configs.yaml_file import Place, YamlFile, nearest
from configs.yaml_values import list_at, unknown_keys

STORY_KEYS = {"story", "steps", "metadata"}
MAX_STORIES = 2_000  # that checkpoints and `or` may make of those written


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryBlock:
    """A piece of a story between checkpoints.

    Attributes:
        starts: The checkpoints it begins at, any of them; the beginning of a conversation if there are none.
        ends: The checkpoints it goes on at, each of them; the story's end if there are none.
        at: File and line as messages show them.
    """

    story: str
    where: str
    at: str
    starts: tuple[CheckpointStep, ...]
    steps: tuple[Step, ...]
    ends: tuple[CheckpointStep, ...]


def parse_stories(file: YamlFile, root: Path) -> tuple[list[StoryBlock], list[str]]:
    """The pieces of one file's stories, and a line for whatever is not followed.

    Args:
        root: The assistant's folder, in which the stories say where they stand.

    Raises:
        AssistantError: A story has the wrong shape.
    """
    blocks: list[StoryBlock] = []
    notices: list[str] = []
    entries = list_at(file, file.data.get("stories"), ("stories",), "Write `- story: name` entries under it.")
    for index, entry in enumerate(entries):
        place: Place = ("stories", index)
        if not isinstance(entry, dict) or not isinstance(entry.get("steps"), list):
            raise file.error(place, "a story has no steps", "Write `steps:` with `- intent:` and `- action:`.")
        name = str(entry.get("story") or f"story {index + 1}")
        notices += unknown_keys(file, entry, place, STORY_KEYS, f"the story {name!r}")
        try:
            blocks += _blocks(file, place, entry, name, root, notices)
        except NotFollowed as reason:
            notices.append(f"{file.path}:{file.line(*place)}: the story {name!r} is not followed: {reason}")
    return blocks, notices


def join_stories(blocks: Sequence[StoryBlock]) -> tuple[list[Story], list[str]]:
    """The stories that `blocks` make, and a line for each checkpoint that leads nowhere or is never reached.

    Where checkpoints lead in a circle, it is gone round once and then cut.
    """
    begins: dict[str, list[tuple[StoryBlock, CheckpointStep]]] = {}
    for block in blocks:
        for start in block.starts:
            begins.setdefault(start.name, []).append((block, start))
    first = [block for block in blocks if not block.starts]
    stories = list(islice(_all_paths(first, begins), MAX_STORIES + 1))
    notices = _loose_ends(blocks, begins)
    if len(stories) > MAX_STORIES:
        notices.append(
            f"{first[0].at}: checkpoints and `or` make more than {MAX_STORIES:,} stories of those written; "
            f"only the first {MAX_STORIES:,} are followed"
        )
    unique = {(story.name, repr(story.steps)): story for story in stories[:MAX_STORIES] if story.steps}
    return list(unique.values()), notices


def _blocks(
    file: YamlFile, place: Place, entry: Mapping[str, Any], name: str, root: Path, notices: list[str]
) -> list[StoryBlock]:
    ways, cut = variants(parse_steps(file, (*place, "steps"), entry["steps"], notices))
    at = f"{file.path}:{file.line(*place)}"
    if cut:
        notices.append(f"{at}: only the first {len(ways)} of the ways through {name!r} count")
    blocks: list[StoryBlock] = []
    for way in ways:
        for starts, steps, ends in _pieces(way):
            block = StoryBlock(story=name, where=where(file, place, root), at=at, starts=starts, steps=steps, ends=ends)
            if block not in blocks:  # an `or` leaves the pieces before and after it as they are
                blocks.append(block)
    return blocks


Piece = tuple[tuple[CheckpointStep, ...], tuple[Step, ...], tuple[CheckpointStep, ...]]


def _pieces(steps: Sequence[Step | CheckpointStep]) -> Iterator[Piece]:
    """The steps cut at their checkpoints; several in a row belong together."""
    starts: list[CheckpointStep] = []
    inside: list[Step] = []
    ends: list[CheckpointStep] = []
    for step in steps:
        if isinstance(step, CheckpointStep):
            (ends if inside else starts).append(step)
            continue
        if ends:
            yield tuple(starts), tuple(inside), tuple(ends)
            starts, inside, ends = ends, [], []
        inside.append(step)
    yield tuple(starts), tuple(inside), tuple(ends)


def _all_paths(
    first: Sequence[StoryBlock], begins: Mapping[str, Sequence[tuple[StoryBlock, CheckpointStep]]]
) -> Iterator[Story]:
    waiting: list[tuple[tuple[StoryBlock, ...], tuple[Step, ...]]] = [((b,), b.steps) for b in reversed(first)]
    while waiting:
        path, steps = waiting.pop()
        last = path[-1]
        onward = [] if last in path[:-1] else [pair for end in last.ends for pair in begins.get(end.name, ())]
        if not onward:
            yield Story(name=" > ".join(dict.fromkeys(b.story for b in path)), steps=steps, where=path[0].where)
        for block, start in reversed(onward):
            waiting.append(((*path, block), (*steps, *start.slots, *block.steps)))


def _loose_ends(
    blocks: Sequence[StoryBlock], begins: Mapping[str, Sequence[tuple[StoryBlock, CheckpointStep]]]
) -> list[str]:
    reached = {end.name for block in blocks for end in block.ends}
    notices = []
    for block in blocks:
        notices += [
            f"{block.at}: the story {block.story!r} is not followed from the checkpoint {start.name!r} on: "
            f"no story ends with it.{nearest(start.name, reached)}"
            for start in block.starts
            if start.name not in reached
        ]
        notices += [
            f"{block.at}: the story {block.story!r} ends with the checkpoint {end.name!r}: "
            f"no story begins with it.{nearest(end.name, begins)}"
            for end in block.ends
            if end.name not in begins
        ]
    return list(dict.fromkeys(notices))
