"""What a list of promotions says: which took effect, and where going back leads."""

import itertools

import pytest

from training.promotions import How, Promotion, parse_history, that_took_effect, trail

AT = "2026-11-25T16:17:42Z"


def promoted(release_id: str, before: str | None) -> Promotion:
    return Promotion(release_id=release_id, at=AT, before=before)


def rolled_back(release_id: str, before: str) -> Promotion:
    return Promotion(release_id=release_id, at=AT, how=How.ROLLED_BACK, before=before)


ABC = [promoted("aaaa", None), promoted("bbbb", "aaaa"), promoted("cccc", "bbbb")]


def test_a_line_says_what_it_was_made_from() -> None:
    lines = [promoted("aaaa", None), rolled_back("bb-2", "aaaa")]

    text = "".join(one.line() for one in lines)

    assert text == f"aaaa {AT} promoted -\nbb-2 {AT} rolled_back aaaa\n"
    assert parse_history(text) == lines


def test_ids_alone_are_read_as_an_earlier_kefu_wrote_them() -> None:
    found = parse_history("aaaa\nbbbb\n")

    assert [one.release_id for one in found] == ["aaaa", "bbbb"]
    assert trail(that_took_effect(found, "bbbb"), "bbbb") == ["aaaa", "bbbb"]


@pytest.mark.parametrize(
    "line",
    [
        *("../../etc", "UPPER", "aaaa bbbb", f"aaaa {AT} promoted", f"aaaa {AT} stolen -", "aaaa yesterday promoted -"),
        *(f"aaaa {AT} promoted ../..", f"aaaa {AT} promoted - torn", "aa torn", "", "\x00", f"aaaa {AT} PROMOTED -"),
    ],
)
def test_lines_that_are_no_promotions_are_passed_over(line: str) -> None:
    assert [one.release_id for one in parse_history(f"bbbb\n{line}\ncccc\n")] == ["bbbb", "cccc"]


def test_a_line_without_an_end_is_passed_over() -> None:
    assert [one.release_id for one in parse_history("bbbb\ncccc")] == ["bbbb"]


def test_a_promotion_that_was_cut_off_counts_for_nothing() -> None:
    cut_off = promoted("dddd", "cccc")

    assert that_took_effect([*ABC, cut_off], "cccc") == ABC
    assert that_took_effect([*ABC, cut_off], "dddd") == [*ABC, cut_off]


@pytest.mark.parametrize("cut_off", [promoted("dddd", "cccc"), rolled_back("bbbb", "cccc"), promoted("aaaa", "cccc")])
def test_what_was_cut_off_changes_nothing_of_what_comes_after(cut_off: Promotion) -> None:
    after = [promoted("eeee", "cccc")]

    with_it, without = [*ABC, cut_off, *after], [*ABC, *after]

    assert that_took_effect(with_it, "eeee") == without
    assert trail(that_took_effect(with_it, "eeee"), "eeee") == ["aaaa", "bbbb", "cccc", "eeee"]


def test_where_current_cannot_tell_the_last_promotion_counts() -> None:
    assert that_took_effect(ABC, None) == ABC


def test_one_rollback_after_another_goes_further_back() -> None:
    back_once = [*ABC, rolled_back("bbbb", "cccc")]
    back_twice = [*back_once, rolled_back("aaaa", "bbbb")]

    assert trail(ABC, "cccc") == ["aaaa", "bbbb", "cccc"]
    assert trail(back_once, "bbbb") == ["aaaa", "bbbb"]
    assert trail(back_twice, "aaaa") == ["aaaa"]


def test_after_a_rollback_a_promotion_stands_on_what_was_gone_back_to() -> None:
    promotions = [*ABC, rolled_back("bbbb", "cccc"), promoted("dddd", "bbbb")]

    assert trail(promotions, "dddd") == ["aaaa", "bbbb", "dddd"]


def test_a_release_that_is_promoted_again_is_gone_back_from_step_by_step() -> None:
    promotions = [*ABC, promoted("aaaa", "cccc")]

    assert trail(promotions, "aaaa") == ["aaaa", "bbbb", "cccc", "aaaa"]
    back = [*promotions, rolled_back("cccc", "aaaa")]
    assert trail(back, "cccc") == ["aaaa", "bbbb", "cccc"]


def test_a_current_that_was_written_by_hand_counts() -> None:
    assert trail(that_took_effect(ABC, "aaaa"), "aaaa") == ["aaaa"]
    assert trail(that_took_effect(ABC, "xxxx"), "xxxx")[-1] == "xxxx"
    after = [*ABC, promoted("dddd", "aaaa")]
    assert trail(that_took_effect(after, "dddd"), "dddd") == ["aaaa", "dddd"]


def test_whatever_is_cut_off_the_trail_ends_with_what_is_served() -> None:
    """Every way of promoting three releases four times, each promotion cut off or not."""
    for ids in itertools.product(("aaaa", "bbbb", "cccc"), repeat=4):
        for done in itertools.product((True, False), repeat=4):
            current, written, model = None, list[Promotion](), list[str]()
            for release_id, is_done in zip(ids, done, strict=True):
                if release_id == current:
                    continue
                written.append(promoted(release_id, current))
                if is_done:
                    current = release_id
                    model.append(release_id)
            if current is not None:
                assert trail(that_took_effect(written, current), current) == model
