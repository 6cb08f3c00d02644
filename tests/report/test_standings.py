"""What is said of an order is what its figures say, however small they are."""

from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM
from explainers.metrics.scoreboard import standing
from explainers.report.standings import rule, standing_in_words
from explainers.report.telling import Marks
from tests.metrics.test_scoreboard import curve, outcome

PLAIN = Marks(name=str, strong=str, emphasis=str, link=lambda text, _: text)
CHANCE = tuple(4e-5 + each * 1e-6 for each in range(19))


def said(*areas: float, chance: tuple[float, ...] = CHANCE) -> str:
    """Of some maps, whose names are letters, by their areas of deletion, and of random orders."""
    maps = [curve(name, "deletion", area) for name, area in zip("abc", areas, strict=False)]
    found = outcome(*maps, curve(BLOB, "deletion", 4e-5), curve(RANDOM, "deletion", *chance))
    ranked = standing(found, "deletion")
    assert ranked is not None
    curves = found.curves("deletion")
    return f"{standing_in_words(ranked, curves, PLAIN)} {rule([ranked], curves[RANDOM])}"


def test_maps_of_an_improbable_class_are_ranked_all_the_same() -> None:
    """All areas are 0.000 by three decimals, and yet the first beats every random order."""
    told = said(1.2e-5, 5e-5)
    assert "a does best, with 1.2e-5." in told
    assert "Better than all 19 random orders: 1 of 2" in told
    assert "No two of them differ by more than 1.8e-5" in told


def test_where_all_orders_do_the_same_no_map_is_told_from_chance() -> None:
    told = said(4e-5, 4e-5, chance=(4e-5,) * 19)
    assert "all orders do the same, 4e-5; it tells no map from chance" in told
