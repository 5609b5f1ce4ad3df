"""Which conversation a client means who names none."""

from bot.api.openai_threads import REMEMBERED_S, Threads

HELLO = (("user", "hello"), ("assistant", "Hi!"))


def test_a_history_is_known_once() -> None:
    threads = Threads()
    threads.put(HELLO, "a")

    assert threads.take(HELLO) == "a"
    assert threads.take(HELLO) is None


def test_two_of_the_same_history_are_given_out_one_by_one() -> None:
    threads = Threads()
    threads.put(HELLO, "a")
    threads.put(HELLO, "b")

    assert {threads.take(HELLO), threads.take(HELLO)} == {"a", "b"}
    assert threads.take(HELLO) is None


def test_a_conversation_has_one_history() -> None:
    threads = Threads()
    threads.put(HELLO, "a")
    threads.put((*HELLO, ("user", "more")), "a")

    assert threads.take(HELLO) is None
    assert threads.take((*HELLO, ("user", "more"))) == "a"


def test_white_space_makes_no_difference_but_who_said_it_does() -> None:
    threads = Threads()
    threads.put((("user", "where\n\nis  it "),), "a")

    assert threads.take((("assistant", "where is it"),)) is None
    assert threads.take((("user", " where is it"),)) == "a"


def test_words_that_move_between_messages_are_another_history() -> None:
    threads = Threads()
    threads.put((("user", "a"), ("assistant", "b c")), "a")

    assert threads.take((("user", "a b"), ("assistant", "c"))) is None


def test_the_oldest_are_forgotten_where_there_are_too_many() -> None:
    threads = Threads(most=2)
    for name in "abc":
        threads.put((("user", name),), name)

    assert [threads.take((("user", name),)) for name in "abc"] == [None, "b", "c"]


def test_what_is_old_is_forgotten() -> None:
    now = [0.0]
    threads = Threads(clock=lambda: now[0])
    threads.put(HELLO, "a")
    now[0] = REMEMBERED_S

    assert threads.take(HELLO) is None
