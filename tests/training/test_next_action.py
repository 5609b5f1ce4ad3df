"""What a bot does next: the memory by hand, the blend by hand, and a floor for what is learned."""

import numpy as np

from training.next_action import Decision, NextActionModel, StoryMemory, fused

ACTIONS = ("ask", "bye", "tell")


def decision(action: str, *history: str, dialogue: str = "d", words: tuple[float, ...] = (1.0, 0.0)) -> Decision:
    return Decision(dialogue=dialogue, history=history, words=np.array(words, np.float32), action=action)


def test_the_memory_blends_every_end_that_it_has_seen() -> None:
    memory = StoryMemory([decision("ask"), decision("ask"), decision("tell", "ask")], ACTIONS)

    found = memory.probabilities([decision("?"), decision("?", "ask"), decision("?", "bye")])

    nothing = np.array([2 + 2 / 3, 2 / 3, 1 + 2 / 3]) / 5  # (ask 2, tell 1) over two kinds, blended with thirds
    start = (np.array([2, 0, 0]) + nothing) / 3
    after_ask = (np.array([0, 0, 1]) + nothing) / 2
    np.testing.assert_allclose(found[0], start, rtol=1e-6)
    np.testing.assert_allclose(found[1], (np.array([0, 0, 1]) + after_ask) / 2, rtol=1e-6)  # with the start before it
    np.testing.assert_allclose(found[2], nothing, rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-6)


def test_the_blend_is_a_weighted_product() -> None:
    words, memory = np.array([[0.6, 0.4]], np.float32), np.array([[0.2, 0.8]], np.float32)

    np.testing.assert_allclose(fused(words, memory, 0.0), words, rtol=1e-5)
    np.testing.assert_allclose(fused(words, memory, 1.0), [[0.12 / 0.44, 0.32 / 0.44]], rtol=1e-5)


def test_words_decide_where_the_course_does_not_and_the_course_where_words_do_not() -> None:
    def told(number: int) -> list[Decision]:
        kind = number % 2
        words = (1.0, 0.0) if kind else (0.0, 1.0)
        name = f"d{number}"
        return [
            decision("ask" if kind else "tell", dialogue=name, words=words),
            decision("bye", "ask" if kind else "tell", dialogue=name),
        ]

    learned = NextActionModel([each for number in range(60) for each in told(number)], seed=0)

    asked = [
        decision("ask"),
        decision("tell", words=(0.0, 1.0)),
        decision("bye", "ask"),
        decision("bye", "tell"),
    ]
    assert learned.predict(asked) == [each.action for each in asked]


def test_an_action_that_was_never_seen_before_does_no_harm() -> None:
    learned = NextActionModel([decision("ask", dialogue=str(n)) for n in range(20)] + [decision("bye", "ask")], seed=0)

    assert learned.predict([decision("?", "sing", "dance")])[0] in learned.actions
