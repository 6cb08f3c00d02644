"""What is known of a method, on screen: its card, measured on this network and picture."""

from typing import get_args

import streamlit as st

from explainers import Explanation, Target
from explainers.metrics.method_card import Group, method_card
from explainers.metrics.scoreboard import Findings
from explainers.words import resolution
from pages.parts import cache
from pages.parts.frame import Selection
from pages.parts.words import escaped


def draw(selection: Selection, explanation: Explanation, findings: Findings) -> None:
    """The card of the method behind a map: a column for each group of attributes.

    Below stands what was found while the map was made, and where the method was published.
    """
    other = _of_another_class(selection, explanation)
    card = method_card(explanation, selection.classifier, findings, other)
    st.caption(
        f"{card.kind}, measured on {resolution(explanation)} by "
        f"{escaped(selection.classifier.title)}. Blind to: {card.blind_to}"
    )
    for column, group in zip(st.columns(len(get_args(Group))), get_args(Group), strict=True):
        with column, st.container(gap="small"):
            st.markdown(f"### {group}")
            for each in card.of(group):
                st.markdown(f"**{each.name}**  \n:small[{each.question}]  \n{escaped(each.said)}")
    st.caption("  \n".join(escaped(line) for line in (*card.notes, *card.sources)))


def _of_another_class(selection: Selection, explanation: Explanation) -> Explanation | None:
    """The map of the most probable other class, where it costs nothing."""
    explainer, target = explanation.explainer, explanation.target
    if not explainer.observer.all_classes:
        return None
    others = (int(index) for index in selection.prediction.ranking if index != target.index)
    run = cache.run(selection.picture, selection.classifier, selection.pixels, explainer, [target])
    return run.read(explainer, Target(next(others)))
