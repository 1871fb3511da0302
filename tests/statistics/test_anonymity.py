"""k-anonymity, l-diversity and t-closeness, against the tables of the papers and against pycanon's figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genspark.statistics.anonymity import Cells, summary

HEART, VIRAL, CANCER = range(3)


def cells(classes: list[list[int]]) -> Cells:
    """The cells of classes told by the sensitive values of their rows."""
    own = [at for at, values in enumerate(classes) for _ in values]
    values = [value for one in classes for value in one]
    return Cells.of(np.array(own), np.array(values), np.ones(len(own), dtype=np.int64))


def test_sweeneys_table_is_2_anonymous_and_tells_the_condition_of_two() -> None:
    # Figure 2 of "k-anonymity": (race, birth, gender, ZIP) and the problem.
    breath, chest, hyper, obesity = range(4)
    table = cells([[breath, chest], [hyper, hyper], [obesity, chest], [chest, obesity, breath], [chest, chest]])
    told = summary(table, is_sensitive=True, ordered=False)
    assert (told["rows"], told["classes"], told["k"], told["l"], told["unique"]) == (11, 5, 2, 1, 0)
    assert told["entropy_l"] == pytest.approx(1)


def test_the_hospital_of_l_diversity() -> None:
    # Figures 2 and 3 of "l-Diversity": 4-anonymous, and 3-diverse, of entropy 2.8.
    four = cells([[HEART, HEART, VIRAL, VIRAL], [CANCER, HEART, VIRAL, VIRAL], [CANCER] * 4])
    three = cells([[HEART, VIRAL, CANCER, CANCER], [CANCER, HEART, VIRAL, VIRAL], [HEART, VIRAL, CANCER, CANCER]])
    assert (four.sizes().min(), four.diversity().min()) == (4, 1)
    assert (three.sizes().min(), three.diversity().min()) == (4, 3)
    assert three.entropy_diversity() == pytest.approx([2 * math.sqrt(2)] * 3)


def test_the_salaries_of_t_closeness() -> None:
    # Sections 4 and 5 of "t-Closeness": salaries of 3K to 11K; their table 5 has 0.167-closeness.
    ranks = {salary: at for at, salary in enumerate(range(3, 12))}
    before = cells([[ranks[s] for s in some] for some in ([3, 4, 5], [6, 11, 8], [7, 9, 10])])
    after = cells([[ranks[s] for s in some] for some in ([3, 5, 9], [6, 11, 8], [4, 7, 10])])
    assert before.closeness(ordered=True)[:2] == pytest.approx([0.375, 1 / 6])
    assert after.closeness(ordered=True).max() == pytest.approx(1 / 6)
    # Any two values as far apart: half of the sum of all differences.
    assert before.closeness() == pytest.approx([2 / 3] * 3)


def test_figures_are_pycanons() -> None:
    random = np.random.default_rng(7)
    a, b = random.integers(0, 4, 200), random.choice(list("xyz"), 200)
    d, w = random.choice(["p", "q", "r", "s"], 200, p=[0.4, 0.3, 0.2, 0.1]), random.integers(0, 9, 200)
    classes, ones = a * 3 + np.unique(b, return_inverse=True)[1], np.ones(200, dtype=np.int64)
    of_d = Cells.of(classes, np.unique(d, return_inverse=True)[1], ones)
    of_w = Cells.of(classes, w, ones)
    # pycanon 1.3.6: k_anonymity, l_diversity, entropy_l_diversity (which it cuts to whole numbers), t_closeness.
    assert summary(of_d, is_sensitive=True, ordered=False) == {
        "rows": 200,
        "classes": 12,
        "k": 11,
        "unique": 0,
        "l": 3,
        "entropy_l": pytest.approx(2.5, abs=0.5),
        "t": pytest.approx(0.22666666666666668),
    }
    assert of_w.closeness(ordered=True).max() == pytest.approx(0.1404166666666666)


def test_no_row_has_no_figures_and_one_value_is_near() -> None:
    none = cells([])
    assert summary(none, is_sensitive=True, ordered=True)["k"] is None
    assert cells([[0, 0], [0]]).closeness(ordered=True).tolist() == [0, 0]
