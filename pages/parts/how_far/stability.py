"""Whether the methods say the same when they are asked again, on screen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from explainers import Explanation, LimeSuperpixels
from explainers.images.colouring import Style, hatched
from explainers.methods.lime_superpixels import CHUNK, IN_A_ROW, STRONGEST
from explainers.metrics.agreement import BLOB, agreements
from explainers.metrics.randomisation import Spread
from explainers.metrics.stability import Change, Repeats, ask_again
from explainers.report.maps import overlay_image
from explainers.words import rounded
from pages.parts import cache
from pages.parts.frame import Selection
from pages.parts.how_far.verdicts import Test
from pages.parts.picture import Picture
from pages.parts.tried import AskingAgain, maps_of

CHANGES: dict[Change, str] = {"seed": "Another seed", "noise": "A little noise on the picture"}
WIDTH = 280


@dataclass(frozen=True, eq=False)
class Asked:
    """What there is of all methods and changes so far."""

    repeats: Mapping[tuple[str, Change], Repeats]
    done: float
    total: int


def ask(selection: Selection, usable: Sequence[Explanation]) -> Test:
    """Ask every method again, with other seeds and with noise."""
    times = st.number_input(
        "Times", *AskingAgain.TIMES, 3, key="repeat-times", persist_state="session",
        help="How many answers are compared, the one above among them.",
    )  # fmt: skip
    noise = st.slider(
        "Noise", *AskingAgain.PERCENT, 2,
        key="repeat-noise", persist_state="session", format="%d %%",
        help="Standard deviation, as a share of the 255 steps of a pixel.",
    )  # fmt: skip
    questions = [
        (explanation, change)
        for explanation in usable
        for change in CHANGES
        if change == "noise" or explanation.explainer.random
    ]
    classifier = selection.classifier
    return Test(
        AskingAgain(maps_of(usable), times, noise / 100),
        lambda: _ask(selection, questions, times, noise / 100),
        "Ask again",
        sum((times - 1) * each.explainer.cost(classifier).passes for each, _ in questions),
        "An explanation that comes out differently each time says more about chance than about "
        "the network.",
        lambda asked: _verdicts(asked, usable),
        _beside,
        lambda asked, settled, titles: _draw(selection, asked, titles),
        "noise and seed",
        tuple(said for each in usable if (said := _settling(selection, each))),
    )


def _verdicts(asked: Asked, usable: Sequence[Explanation]) -> dict[str, str]:
    """How alike the answers of each method are, and how alike its map and a blob."""
    said: dict[str, list[str]] = {}
    for (title, change), repeats in asked.repeats.items():
        spread = Spread.of(repeats.correlations)
        if spread is not None:
            said.setdefault(title, []).append(
                f"{change.capitalize()}: **{rounded(spread.median)}** ({rounded(spread.lowest)} to "
                f"{rounded(spread.highest)})"
            )
    for pair in cache.made(agreements, tuple(usable)):
        if BLOB in pair.names and pair.names[0] in said:
            said[pair.names[0]].append(f"A {BLOB}: {rounded(pair.correlation)}")
    return {title: "  \n".join(lines) for title, lines in said.items()}


def _beside(asked: Asked) -> str:
    """What the figures are, and of how many answers."""
    counts = [len(each.explanations) for each in asked.repeats.values() if len(each.correlations)]
    answers = " to ".join(str(count) for count in sorted(set(counts)))
    return (
        f"Rank correlation of all pairs among {answers} answers under other seeds, or a little "
        "noise on the picture: the median, and from the lowest to the highest. 1 is the same order "
        "of cells; a blob knows nothing, and shows what a map gets for its middle alone."
    )


def _ask(
    selection: Selection, questions: Sequence[tuple[Explanation, Change]], times: int, noise: float
) -> Iterator[Asked]:
    found: dict[tuple[str, Change], Repeats] = {}
    for number, (explanation, change) in enumerate(questions):
        for repeats in ask_again(
            explanation, selection.classifier, selection.pixels, change, times=times, noise=noise
        ):
            found[explanation.explainer.title, change] = repeats
            done = number + repeats.done / repeats.total
            yield Asked(dict(found), done, len(questions))


def _settling(selection: Selection, explanation: Explanation) -> str | None:
    """How many samples LIME needs, where that can be told."""
    explainer, surrogate = explanation.explainer, explanation.surrogate
    if not isinstance(explainer, LimeSuperpixels) or surrogate is None:
        return None
    if len(surrogate.coefficients) <= STRONGEST:
        return None
    least = IN_A_ROW * CHUNK
    if explanation.done < least:
        return (
            f"**{explainer.title}**: {explanation.done:,} samples cannot tell whether its "
            f"strongest pieces still change; that takes {least:,}."
        )
    settled = _settled_at(selection, explainer, explanation)
    if settled is None:
        return (
            f"**{explainer.title}**: the {STRONGEST} strongest pieces still change after "
            f"{explanation.done:,} samples. Take more, or let it stop by itself: *Stop when "
            "stable* in its settings."
        )
    return (
        f"**{explainer.title}**: {settled:,} samples are enough here. Then its {STRONGEST} "
        f"strongest pieces have been the same {IN_A_ROW} times in a row, {CHUNK} samples apart; "
        "*Stop when stable* in its settings stops there."
    )


def _settled_at(
    selection: Selection, explainer: LimeSuperpixels, explanation: Explanation
) -> int | None:
    run = cache.run(
        selection.picture, selection.classifier, selection.pixels, explainer, [selection.target]
    )
    return cache.inside(
        selection.picture, selection.classifier,
        f"settled {explainer} {explanation.target} {explanation.done}",
        lambda: explainer.settled_at(run.latest, explanation.target),
    )  # fmt: skip


def _draw(selection: Selection, asked: Asked, titles: Sequence[str]) -> None:
    """The figures of some maps, and every answer as a picture."""
    shown = {key: repeats for key, repeats in asked.repeats.items() if key[0] in titles}
    rows = []
    for (title, change), repeats in shown.items():
        correlations, flipping = repeats.correlations, repeats.flipping
        if not len(correlations):
            continue
        rows.append(
            {
                "Method": title,
                "What changes": CHANGES[change],
                "Answers": len(repeats.explanations),
                "Rank correlation, mean": float(correlations.mean()),
                "Lowest": float(correlations.min()),
                "Area whose sign flips": None if flipping is None else float(flipping.mean()),
            }
        )
    if rows:
        figure = st.column_config.NumberColumn(
            format="%.2f", help="Spearman's, of all pairs: 1 the same order of cells, 0 none."
        )
        st.dataframe(
            rows,
            hide_index=True,
            placeholder="–",
            column_config={
                "Rank correlation, mean": figure,
                "Lowest": figure,
                "Area whose sign flips": st.column_config.NumberColumn(
                    format="percent",
                    help="Superpixels that speak for the class in one answer and against it in "
                    "another, also those that the map leaves out; hatched below.",
                ),
            },
            alt="; ".join(
                f"{row['Method']}, {str(row['What changes']).lower()}: rank correlation "
                f"{row['Rank correlation, mean']:.2f} on average, lowest {row['Lowest']:.2f}"
                for row in rows
            ),
        )
    small = selection.picture.resized(WIDTH, round(WIDTH * selection.picture.aspect))
    for (title, change), repeats in shown.items():
        st.markdown(f"**{title}** · {CHANGES[change].lower()}")
        with st.container(horizontal=True):
            for number in range(len(repeats.explanations)):
                _draw_answer(small, selection.style, repeats, number)


def _draw_answer(small: Picture, style: Style, repeats: Repeats, number: int) -> None:
    explanation = repeats.explanations[number]
    image = overlay_image(explanation, small.image, style)
    if repeats.flipping is not None:
        image = hatched(image, repeats.flipping)
    said = "as above" if number == 0 else f"again, {number}"
    if len(repeats.explanations) > 1 and repeats.flipping is not None and repeats.flipping.any():
        said += ", hatched where signs flip"
    st.image(image, width=WIDTH, caption=said, alt=f"{explanation.explainer.title}, {said}")
