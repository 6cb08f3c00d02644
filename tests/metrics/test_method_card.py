"""The card of a method: what is known is said with its figures, what is not is said as such."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from explainers import METHODS, Classifier, GradCam, LimeSuperpixels, Saliency, Target
from explainers.images.superpixels import Slic
from explainers.metrics.agreement import agree
from explainers.metrics.faithfulness import cells, curves, strengths_of
from explainers.metrics.method_card import MethodCard, method_card, sources
from explainers.metrics.randomisation import Randomisation, Stage
from explainers.metrics.scoreboard import Findings
from explainers.metrics.stability import ask_again

LIME = LimeSuperpixels(segmentation=Slic(n_segments=12), samples=60)
ATTRIBUTES = [
    "Determinism", "Hyperparameter dependence", "Model agnosticism", "Computational efficiency",
    "Semantic directness", "Input sensitivity", "Label sensitivity", "Model sensitivity",
    "Minimality", "Perceptual correspondence",
]  # fmt: skip
"""Of saliency cards, in their order."""


def said(card: MethodCard, name: str) -> str:
    (found,) = (each.said for each in card.attributes if each.name == name)
    return found


def test_what_was_not_asked_is_said_as_such(smooth: Classifier, pixels: np.ndarray) -> None:
    card = method_card(Saliency(samples=4).explain(smooth, pixels, 1), smooth, Findings())
    assert [each.name for each in card.attributes] == ATTRIBUTES
    assert [each.name for each in card.of("Sensitivity")] == ATTRIBUTES[5:8]
    assert said(card, "Determinism").endswith("Other seeds: not tested yet.")
    assert said(card, "Input sensitivity") == (
        "Deletion: not tested yet. Insertion: not tested yet. Noise on the picture: not tested yet."
    )
    assert said(card, "Model sensitivity") == "Forgetting all: not tested yet."
    assert said(card, "Label sensitivity").startswith("Not tested: ")
    assert "takes 12 passes" in said(card, "Label sensitivity")
    assert said(card, "Perceptual correspondence").startswith("Not tested: ")


def test_what_was_tested_is_said_with_its_figures(smooth: Classifier, pixels: np.ndarray) -> None:
    first = LIME.explain(smooth, pixels, 1)
    title, segments = LIME.title, cells(smooth.size)
    *_, areas = curves(smooth, pixels, 1, {title: strengths_of(first, segments)}, segments, steps=5)
    *_, noise = ask_again(first, smooth, pixels, "noise", times=2)
    *_, seed = ask_again(first, smooth, pixels, "seed", times=3)
    reverse = replace(first, heatmap=-first.heatmap)
    stage = Stage(1.0, "early", (0.5,), {title: (reverse,)})
    broken = Randomisation({title: first}, {title: (first,)}, (stage,), 1, 2, 2)
    found = Findings(areas, {(title, "noise"): noise, (title, "seed"): seed}, broken)
    noted = replace(first, notes=("Its sum is off by 2%.",))
    card = method_card(noted, smooth, found)
    told = said(card, "Input sensitivity")
    assert (
        f"Deletion: {card.score.deletion:.3f}, better than {card.score.deletion_beaten} of 19 ra"
        in told
    )
    assert f"Insertion: {card.score.insertion:.3f}, better than " in told
    assert f"rank correlation {card.score.noise}, 1 pair." in told
    assert card.notes == ("Its sum is off by 2%.",)
    assert said(card, "Determinism").endswith(f"rank correlation {card.score.seed}, 3 pairs.")
    assert said(card, "Model sensitivity") == (
        "In 0 of 1 copies that have forgotten all it stayed as similar as maps of other pictures: "
        "rank correlation −1.00 (−1.00 to −1.00), 1 map; of other pictures 1.00 (1.00 to 1.00), "
        "1 map."
    )


def test_the_map_of_another_class_is_compared_where_there_is_one(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    *_, seen = LIME.observations(smooth, pixels, 1)
    first, other = (LIME.interpret(seen, Target(index)) for index in (1, 2))
    alike = f"{agree(first.grid(14), other.grid(14)).correlation:.2f}".replace("-", "−")
    told = said(method_card(first, smooth, Findings(), other), "Label sensitivity")
    assert told.startswith(f"Its map of bird has a rank correlation of {alike} with this one")
    blank = replace(other, heatmap=np.zeros_like(other.heatmap))
    told = said(method_card(first, smooth, Findings(), blank), "Label sensitivity")
    assert told == "Its map of bird shows nothing, so there is nothing to compare."


def test_what_a_method_costs_and_how_it_spreads_is_measured(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    cam = replace(GradCam().explain(smooth, pixels, 1), seconds=0.126)
    card = method_card(cam, smooth, Findings())
    assert said(card, "Computational efficiency") == (
        "3 passes; it took 0.13 s here. Another class beside it costs 2 passes."
    )
    assert said(card, "Determinism") == "It draws nothing: the same picture gives the same map."
    half = replace(LIME.explain(smooth, pixels, 1), done=30, total=60, seconds=1.0)
    assert said(method_card(half, smooth, Findings()), "Computational efficiency") == (
        "60 passes; it took 1.00 s here for 50% of them. Another class beside it costs nothing "
        "more."
    )
    spot = np.zeros((14, 14), np.float32)
    spot[:2, :5], spot[5, 5] = 3.0, 10.0  # 11 cells hot, the rest zero: all within the 20 hottest
    card = method_card(replace(cam, heatmap=spot), smooth, Findings())
    assert said(card, "Minimality").startswith("The hottest tenth of the cells holds 100% of all")
    flat = np.arange(196, dtype=np.float32).reshape(14, 14)  # 20 hottest: 176 to 195 of 0 to 195
    card = method_card(replace(cam, heatmap=flat), smooth, Findings())
    assert f"holds {sum(range(176, 196)) / sum(range(196)):.0%} of all" in said(card, "Minimality")
    assert said(card, "Minimality").endswith("it would be 10%.")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_names_its_sources(method: type) -> None:
    found = sources(method)
    assert found
    for source in found:
        assert any(year in source for year in map(str, range(2010, 2030)))
        assert "\n" not in source
        assert ">>>" not in source


def test_sources_end_where_the_next_section_begins() -> None:
    class Made(GradCam):
        """Made up.

        References
        ----------
        .. [1] A. Author, "One title
           on two lines", 2020.
        .. [2] B. Author, "Another", 2021.

        Examples
        --------
        >>> Made()
        """

        name: ClassVar[str] = "made"

    assert sources(Made) == (
        'A. Author, "One title on two lines", 2020.', 'B. Author, "Another", 2021.',
    )  # fmt: skip
