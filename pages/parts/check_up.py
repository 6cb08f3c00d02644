"""The check-up of a model: what it is, and whether it is fed right."""

import streamlit as st

from explainers import CheckUp, Scaling
from explainers.classifiers.check_up import Fed
from explainers.report.model import facts_of, given_in_words, judged
from explainers.words import number, percent
from pages.parts import cache
from pages.parts.frame import Selection
from pages.parts.viewport import on_phone
from pages.parts.words import MARKDOWN, escaped

ON_PHONE = ("Pixels scaled to", "Answer", "Confidence", "The network is given", "Surprise")


def wanted() -> bool:
    """Whether a model of a person's own answers, which nobody has looked over before."""
    return st.session_state.answering.name is None


def draw(selection: Selection) -> None:
    """Draw the facts, and the answers under each scaling."""
    found = cache.check_up(selection.picture, selection.classifier)
    facts, feedings = st.columns([3, 5], gap="medium")
    with facts:
        st.table(_facts(found), border="horizontal", hide_header=True, alt=_in_words(found))
        _judge(found)
    with feedings:
        st.markdown("**What it answers to this picture, by how its pixels are scaled**")
        in_use = selection.classifier.scaling
        st.dataframe(
            [_row(fed, in_use=fed.scaling == in_use) for fed in found.feedings],
            hide_index=True,
            column_order=ON_PHONE if on_phone() else None,
            column_config={
                "Pixels scaled to": st.column_config.TextColumn(width=185),
                "The network is given": st.column_config.TextColumn(
                    help="The least and the largest number that the first layer that learns is "
                    "given of noise with the statistics of photographs, behind whatever scales "
                    "inside the model."
                ),
                "Confidence": st.column_config.ProgressColumn(
                    format="percent", min_value=0.0, max_value=1.0, width=120
                ),
                "Surprise": st.column_config.TextColumn(
                    help="How unlike its training such pixels are to the network: the divergence "
                    "of what its first batch normalisation is given from what it remembers, for "
                    "noise with the statistics of photographs. Lower is more alike."
                ),
            },
            alt=f"What the network answers under {len(found.feedings)} scalings of the pixels: "
            f"{_answers(found, selection.classifier.scaling)}",
        )


def _in_words(found: CheckUp) -> str:
    return (
        f"A network of {len(found.layers)} layers and {found.parameters:,} parameters that ends "
        f"in {found.head}"
    )


def _answers(found: CheckUp, in_use: Scaling) -> str:
    """What it answers as it is fed, and under how many other scalings it says the same."""
    now = next(fed.answer for fed in found.feedings if fed.scaling == in_use)
    if now is None:
        return f"no number under {in_use.name}, which is in use"
    answers = [fed.answer for fed in found.feedings if fed.answer is not None]
    same = sum(answer.index == now.index for answer in answers) - 1
    return (
        f"{now.label} with {percent(now.probability)} under {in_use.name}, which is in use, and "
        f"{now.label} under {same} of the {len(found.feedings) - 1} others"
    )


def _facts(found: CheckUp) -> dict[str, list[str]]:
    facts = facts_of(found)
    return {
        "": [f"**{name}**" for name in facts],
        " ": [escaped(fact) for fact in facts.values()],
    }


def _row(fed: Fed, *, in_use: bool) -> dict[str, object]:
    return {
        "Pixels scaled to": f"{fed.scaling.name} (in use)" if in_use else fed.scaling.name,
        "The network is given": given_in_words(fed),
        "Answer": fed.answer.label if fed.answer else "no number",
        "Confidence": fed.answer.probability if fed.answer else None,
        "Surprise": "unknown" if fed.surprise is None else number(fed.surprise),
    }


def _judge(found: CheckUp) -> None:
    """Say whether the scaling in use is the one that there is evidence for."""
    fits, said = judged(found, MARKDOWN, " in the sidebar")
    show, icon = (st.success, ":material/check:") if fits else (st.warning, ":material/warning:")
    show(said, icon=icon)
