"""Groups of messages that ask the like: compared with scipy's average linkage, and with groups that were planted."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from nlu.clustering import cluster
from nlu.encoder import FloatArray


def unit(rows: np.ndarray) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def planted(seed: int, groups: int = 6, each: int = 12, noise: int = 60) -> tuple[FloatArray, list[set[int]]]:
    """Rows near one of some middles, shuffled among rows that are near nothing, and where the first stand."""
    rng = np.random.default_rng(seed)
    middles = unit(rng.normal(size=(groups, 48)))
    near = unit(np.repeat(middles, each, axis=0) + 0.07 * rng.normal(size=(groups * each, 48)))
    rows = np.concatenate([near, unit(rng.normal(size=(noise, 48)))])
    order = rng.permutation(len(rows))
    places = np.argsort(order)
    return rows[order], [set(places[g * each : (g + 1) * each].tolist()) for g in range(groups)]


def test_planted_groups_are_found_whole_and_noise_belongs_to_none() -> None:
    rows, groups = planted(1)

    found = [set(group.members) for group in cluster(rows)]

    assert sorted(map(sorted, found)) == sorted(map(sorted, groups))


@pytest.mark.parametrize("near", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_groups_are_those_of_average_linkage(seed: int, near: float) -> None:
    rng = np.random.default_rng(seed)
    rows = unit(rng.normal(size=(120, 6)))
    far = np.clip(1 - rows.astype(np.float64) @ rows.T, 0, 2)
    np.fill_diagonal(far, 0)
    labels = fcluster(linkage(squareform(far, checks=False), "average"), 1 - near, "distance")

    found = cluster(rows, near=near, least=1)

    expected = sorted(np.flatnonzero(labels == label).tolist() for label in np.unique(labels))
    assert sorted(sorted(group.members) for group in found) == expected


def test_the_typical_member_has_the_highest_mean_cosine_to_all() -> None:
    rows, _ = planted(2)

    for group in cluster(rows):
        own = rows[list(group.members)]
        means = (own @ own.T).mean(axis=1)
        assert means.argmax() == 0
        assert list(means) == sorted(means, reverse=True)


def test_equal_messages_are_one_group_and_the_largest_comes_first() -> None:
    first, second = np.eye(4, dtype=np.float32)[:2]
    rows = np.stack([first, second, second, first, second])

    assert [group.members for group in cluster(rows, least=2)] == [(1, 2, 4), (0, 3)]


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_messages_are_no_group(count: int) -> None:
    assert cluster(np.eye(4, dtype=np.float32)[:count]) == []
