"""A survey in one look: numbers, agreement, mistakes, and where it looks for each class."""

from dataclasses import replace

import numpy as np
import streamlit as st

from explainers.images.colouring import Style, coloured
from explainers.images.contact_sheet import contact_sheet
from explainers.survey import findings
from explainers.survey.findings import (
    DEALS,
    FEWEST,
    BesideBlob,
    Distribution,
    Look,
    Looks,
    Overview,
)
from explainers.survey.survey import method_named
from explainers.survey.table import Stored
from explainers.words import legible, percent, rounded
from pages.parts import cache
from pages.parts.figures import QUIET, matrix_figure
from pages.parts.frame import screen_theme
from pages.parts.picture import data_uri
from pages.parts.plots import beside_blob_figure
from pages.parts.survey.one_of import one_of
from pages.parts.words import escaped

TILE = 84
ROW = 84
"""Pixels of a row of the table."""
MOST = 60
"""Classes that are shown."""
WIDTH = 330
FEW = 5
"""So many lines can be told apart in a chart, and so many figures read in a row."""
CALLED = {"Called so": "answer", "That show it": "label"}


def draw(name: str, stored: Stored, style: Style) -> None:
    """Draw it all."""
    found = cache.surveyed(stored, "overview", lambda: findings.overview(stored))
    beside = cache.surveyed(stored, "beside blob", lambda: findings.beside_blob(stored))
    with st.container(horizontal=True, gap="large"):
        _tell_pictures(found)
        _tell_accuracy(found)
        _tell_agreement(stored, beside)
    _draw_looks(stored, found, style)
    left, right = st.columns(2, gap="large")
    with left:
        _draw_agreement(stored, beside)
    with right:
        _draw_mistakes(found)


def _tell_pictures(found: Overview) -> None:
    with st.container(width=200, gap="xsmall"):
        st.metric("Pictures", f"{found.pictures:,}")
        st.caption(f"{found.failed:,} failed.")


def _tell_accuracy(found: Overview) -> None:
    with st.container(width=300, gap="xsmall"):
        if found.accuracy is None:
            st.metric("Right", "unknown")
            st.caption("What the pictures truly show is not known: give it with `--labels`.")
            return
        share, low, high = found.accuracy
        st.metric("Right", percent(share))
        said = f"{found.correct:,} of {found.labelled:,}; 95% interval {low:.1%} to {high:.1%}."
        if found.commonest is not None:
            label, count = found.commonest
            said += f" Always saying {escaped(label)}: {percent(count / found.labelled)}."
        if found.strangers:
            said += f" {found.strangers:,} have a label that is no class of the classifier."
        st.caption(said)


def _tell_agreement(stored: Stored, beside: BesideBlob | None) -> None:
    with st.container(width=330, gap="xsmall"):
        if beside is None:
            st.metric("Agreement", "unknown")
            st.caption("One method alone has nothing to agree with.")
            return
        st.metric("Agreement, median", rounded(beside.agreement.median))
        blobs = ", ".join(
            f"{method_named(method).title} {rounded(each.median)}"
            for method, each in _few_blobs(beside).items()
        )
        if len(beside.blobs) > FEW:
            blobs = f"between {blobs.replace(', ', ' and ')}"
        st.caption(
            f"With a blob in the middle, which knows nothing: {blobs}. On {beside.less:,} of "
            f"{beside.agreement.pictures:,} pictures all agree better with it than with each other."
        )


def _draw_agreement(stored: Stored, beside: BesideBlob | None) -> None:
    if beside is None:
        return
    st.header("Do the methods agree?", anchor=False)
    total = len(beside.blobs)
    beside = replace(beside, blobs=_few_blobs(beside))
    titles = {method: method_named(method).title for method in beside.blobs}
    st.plotly_chart(
        cache.made(_agreement_figure, beside, tuple(titles.items()), screen_theme()),
        theme=None,
        config=QUIET,
        key="survey-agreement",
        alt=f"Rank correlation of the maps over {beside.agreement.pictures} pictures: median "
        f"{rounded(beside.agreement.median)} with each other; with a blob in the middle "
        + ", ".join(f"{titles[m]} {rounded(each.median)}" for m, each in beside.blobs.items()),
    )
    st.caption(
        "Bars: the mean rank correlation of all pairs of methods, picture by picture. Lines: that "
        f"of {'each' if total <= FEW else f'the least and the most alike of all {total}'} with a "
        "blob in the middle. What lies no further right than the lines is agreement that being hot "
        "in the middle gives for nothing."
    )


def _few_blobs(beside: BesideBlob) -> dict[str, Distribution]:
    """All methods where they are few; of many the least and the most like a blob."""
    if len(beside.blobs) <= FEW:
        return beside.blobs
    by_median = sorted(beside.blobs, key=lambda method: beside.blobs[method].median)
    return {method: beside.blobs[method] for method in (by_median[0], by_median[-1])}


def _agreement_figure(
    beside: BesideBlob, titles: tuple[tuple[str, str], ...], theme: str
) -> object:
    return beside_blob_figure(beside, dict(titles), theme=theme)


def _draw_mistakes(found: Overview) -> None:
    if found.accuracy is not None:
        st.header("What is taken for what", anchor=False)
        if found.confusions:
            st.dataframe(
                {
                    "Shows": [each[0] for each in found.confusions],
                    "Called": [each[1] for each in found.confusions],
                    "Times": [each[2] for each in found.confusions],
                    "Of": [each[3] for each in found.confusions],
                },
                hide_index=True,
                alt=f"{len(found.confusions)} confusions; the commonest: {found.confusions[0][0]} "
                f"called {found.confusions[0][1]}, {found.confusions[0][2]} times of "
                f"{found.confusions[0][3]}",
            )
            if found.mistaken > len(found.confusions):
                st.caption(
                    f"The {len(found.confusions)} commonest of {found.mistaken:,} kinds of mistake."
                )
        else:
            st.caption("Every answer is the label.")
    if found.reasons:
        st.header("Why some failed", anchor=False)
        for reason, count in found.reasons[:MOST]:
            st.caption(f"**{count:,}** · {escaped(reason)}")


def _draw_looks(stored: Stored, found: Overview, style: Style) -> None:
    st.header("Where it looks for each class", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        titles = {method_named(name).title: name for name in stored.methods}
        method = one_of("Maps of", titles, "looks-method", persist_state="session")
        by = "answer"
        if found.accuracy is not None:
            by = CALLED[
                st.segmented_control(
                    "Pictures", list(CALLED), default=next(iter(CALLED)), required=True,
                    key="looks-by", persist_state="session",
                    help="Those that are called so, with the map of the answer; or those that "
                    "truly show it, with the map of that class whatever the answer was.",
                )
            ]  # fmt: skip
    seed = stored.told["seed"]
    looks = cache.surveyed(
        stored, f"looks {method} {by}", lambda: findings.looks(stored, method, by, seed)
    )
    if not looks.classes:
        st.info("There is no map to take a mean of yet.", icon=":material/info:")
        return
    st.caption(_tell_looks(looks))
    shown = looks.classes[:MOST]
    rows = cache.surveyed(
        stored,
        f"looks drawn {method} {by} {style}",
        lambda: [_strips(look, style) for look in shown],
    )
    chosen = st.dataframe(
        {
            "Class": [look.name for look in shown],
            "Pictures": [look.pictures for look in shown],
            "Beyond chance": [_judged(looks, look) for look in shown],
            "Mean": [strips[0] for strips in rows],
            "Spread": [strips[1] for strips in rows],
            "All others": [strips[2] for strips in rows],
            "Their spread": [strips[3] for strips in rows],
            "Hotter": [strips[4] for strips in rows],
            "Hotter by": [look.hotter for look in shown],
            "In errors": [look.largest for look in shown],
            "Row, column": ["{}, {}".format(*look.cell) for look in shown],
        },
        hide_index=True,
        row_height=ROW,
        height=min(4, len(shown)) * ROW + 40,
        on_select="rerun",
        selection_mode="single-row",
        key=f"looks-{method}-{by}",
        column_config={
            "Class": st.column_config.TextColumn(width=124),
            "Pictures": st.column_config.NumberColumn(width=64, format="localized"),
            **{
                title: st.column_config.ImageColumn(width=86, help=said)
                for title, said in {
                    "Mean": "Mean of the maps of the class's pictures",
                    "Spread": "Their standard deviation, cell by cell",
                    "All others": "Mean of the maps of all other pictures",
                    "Their spread": "The standard deviation of those",
                    "Hotter": "Red where the class is hotter than the others, blue where colder",
                }.items()
            },
            "Hotter by": st.column_config.NumberColumn(
                width=66, format="%.2f", help="In shares of a map's largest value, at that cell"
            ),
            "In errors": st.column_config.NumberColumn(
                width=84,
                format="%.1f",
                help="The same difference over its standard error, as the verdict counts it",
            ),
            "Row, column": st.column_config.TextColumn(width=84),
            "Beyond chance": st.column_config.TextColumn(width=96),
        },
        alt=f"{len(shown)} classes; first {shown[0].name}: hotter than all others by "
        f"{shown[0].hotter:.2f} in row {shown[0].cell[0]}, column {shown[0].cell[1]}, "
        f"{shown[0].largest:.1f} standard errors, beyond chance: {_judged(looks, shown[0])}",
    )
    picked = chosen.selection.rows
    _draw_large(shown[picked[0] if picked else 0], style)


def _tell_looks(looks: Looks) -> str:
    """What the table says, and what its verdict means."""
    judged = [look for look in looks.classes if look.judged]
    if len(judged) < 1:
        said = (
            f"No class is judged: that takes {FEWEST} pictures of it and {FEWEST} others, so that "
            "none is more than a fifth of a mean."
        )
    else:
        out = looks.standing_out
        names = ", ".join(escaped(look.name) for look in out[:3])
        said = (
            f"**{len(out)} of {len(judged)} classes {'looks' if len(out) == 1 else 'look'} "
            f"somewhere that the others do not{': ' + names if out else ''}"
            f"{' and others' if len(out) > 3 else ''}.** Beyond chance is what is hotter by more "
            f"than {looks.bar:.1f} standard errors: the most that any class reached in any cell "
            f"when the same maps were dealt out to the classes at random, {DEALS} times. Where "
            "there is nothing to find, that still happens once in 20, for all classes together. "
            "Those others hold the odd classes too, so read from the top."
        )
        if len(judged) < len(looks.classes):
            said += f" Classes of fewer than {FEWEST} pictures are not judged."
    if looks.blank:
        said += f" {looks.blank:,} blank maps are left out."
    if len(looks.classes) > MOST:
        said += f" The first {MOST} of {len(looks.classes):,} classes are shown."
    return said


def _judged(looks: Looks, look: Look) -> str:
    if not look.judged:
        return "too few pictures"
    return "yes" if looks.stands_out(look) else "no"


def _strips(look: Look, style: Style) -> list[str]:
    """Small maps of a class as addresses: the means on one scale, the spreads on another."""
    means = (look.mean, look.others_mean)
    spreads = tuple(np.nan_to_num(each) for each in (look.deviation, look.others_deviation))
    return [
        _small(means[0], means, style),
        _small(spreads[0], spreads, style),
        _small(means[1], means, style),
        _small(spreads[1], spreads, style),
        _small(look.mean - look.others_mean, (look.mean - look.others_mean,), style, signed=True),
    ]


def _small(
    matrix: np.ndarray, among: tuple[np.ndarray, ...], style: Style, *, signed: bool = False
) -> str:
    """A matrix as a small picture, on the scale of some."""
    signed = signed or min(float(each.min()) for each in among) < 0
    limit = max(float(np.abs(each).max()) for each in among) or 1.0
    tile = coloured(matrix / limit, style, signed=signed)
    return data_uri(contact_sheet(tile[None], 1, TILE))


def _draw_large(look: Look, style: Style) -> None:
    """One class with its numbers."""
    theme = screen_theme()
    row, column = look.cell
    limit = float(max(np.abs(look.mean).max(), np.abs(look.others_mean).max())) or 1.0
    signed = bool(min(look.mean.min(), look.others_mean.min()) < 0)
    largest = float(np.abs(look.score).max()) or 1.0
    here, there = look.mean[row, column], look.others_mean[row, column]
    spread, beside = look.deviation[row, column], look.others_deviation[row, column]
    shown = (
        (f"**{escaped(look.name)}**, mean of {look.pictures:,}", look.mean, limit, signed,
         f"{here:.2f} ± {spread:.2f} in row {row}, column {column}"),
        (f"**All others**, mean of {look.others:,}", look.others_mean, limit, signed,
         f"{there:.2f} ± {beside:.2f} there"),
        ("**The difference**, in standard errors", look.score, largest, True,
         f"{look.largest:.1f} there, the most"),
    )  # fmt: skip
    columns = st.columns(3)
    for place, (title, matrix, most, both, said) in enumerate(shown):
        with columns[place]:
            st.markdown(title)
            st.plotly_chart(
                matrix_figure(matrix, style, signed=both, limit=most, width=WIDTH, theme=theme),
                theme=None,
                config=QUIET,
                key=f"look-{place}",
                alt=f"{legible(title.replace('*', ''))}: {said}",
            )
            st.caption(f"{said}.")
