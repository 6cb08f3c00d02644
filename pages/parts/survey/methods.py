"""Which method to trust for this network: figures with intervals, and orders that mean nothing."""

from typing import Any

import streamlit as st

from explainers.images.colouring import Style
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM
from explainers.survey import ranking
from explainers.survey.ranking import ALPHA, FEWEST, Ranking, Standing
from explainers.survey.survey import method_named
from explainers.survey.table import Stored
from explainers.words import enumerated, percent
from pages.parts import cache

TITLES = {
    "deletion": "Deletion",
    "insertion": "Insertion",
    "drop": "Average drop",
    "increase": "Increase",
}
"""What a measure is called."""
LOWER, HIGHER = "lower is better", "higher is better"
MEANINGS = {
    "deletion": f"Area under the probability while the hottest cells are hidden first: {LOWER}.",
    "insertion": f"Area under the probability while the hottest cells are shown first: {HIGHER}.",
    "drop": "max(0, p − p′) / p, with p the probability of the answer, and p′ where the picture is "
    f"seen through the map alone, grey where the map is 0: {LOWER}.",
    "increase": f"The share of pictures with p′ > p, more sure of what is left: {HIGHER}.",
}
"""What a measure is, and which way is better."""
BASELINES = {BLOB: "Blob in the middle", RANDOM: "Random orders"}
KNOWS_NOTHING = {RANDOM: "random orders", BLOB: "a blob in the middle"}
WIDTHS = {"deletion": (74, 104), "insertion": (78, 104), "drop": (62, 92), "increase": (78, 88)}
"""Of a measure's two columns, in pixels: all of the table stands in a window of 1440."""
ROW = 35


def draw(name: str, stored: Stored, style: Style) -> None:
    """The methods of a survey by four measures, ranked by the one that is chosen."""
    found = cache.surveyed(stored, "rankings", lambda: ranking.rankings(stored))
    if not found:
        st.info(
            "No picture that was drawn at random was looked at closer, so there is nothing to "
            "judge the methods by: a survey with `--sample 50` has fifty.",
            icon=":material/info:",
        )
        return
    st.header("Which method to trust for this network", anchor=False)
    by = st.segmented_control(
        "Ranked by", list(found), default=next(iter(found)), required=True,
        format_func=lambda measure: TITLES[measure], key="ranked-by", bind="query-params",
    )  # fmt: skip
    took = cache.surveyed(stored, "took", lambda: ranking.took(stored))
    _draw_table(found, found[by], took)
    st.markdown(_order(found[by]))
    st.markdown(_beyond_chance(found[by]))
    st.caption(_how(found[by]))


def _draw_table(found: dict[str, Ranking], ranked: Ranking, took: dict[str, float]) -> None:
    names = [each.name for each in ranked.standings]
    names += dict.fromkeys(
        each.name for other in found.values() for each in other.standings if each.name not in names
    )
    columns: dict[str, list[Any]] = {"Method": [_title(each) for each in names]}
    config: dict[str, Any] = {"Method": st.column_config.TextColumn(pinned=True, width=146)}
    for measure, of in found.items():
        by_name = {each.name: each for each in of.standings}
        title, between = TITLES[measure], f"{TITLES[measure]}, 95%"
        unit, form = (100, "%.1f%%") if _in_percent(measure) else (1, "%.3f")
        columns[title] = [unit * by_name[each].mean if each in by_name else None for each in names]
        columns[between] = [_interval(by_name.get(each), measure) for each in names]
        wide, beside = WIDTHS[measure]
        config[title] = st.column_config.NumberColumn(
            title.removeprefix("Average ").capitalize(), help=MEANINGS[measure], format=form,
            width=wide,
        )  # fmt: skip
        config[between] = st.column_config.TextColumn(
            "95% interval", width=beside, help=f"Of the mean of {title.lower()}."
        )
    counts = {each.name: each.pictures for each in ranked.standings}
    columns["Pictures"] = [counts.get(each) for each in names]
    config["Pictures"] = st.column_config.NumberColumn(
        width=68, help=f"With a figure for {TITLES[ranked.measure].lower()}: a blank map has none."
    )
    columns["Took"] = [took.get(each) for each in names]
    config["Took"] = st.column_config.NumberColumn(
        "Seconds", width=74, format="%.2f",
        help="What observing one picture took, on average; methods that read the same share it.",
    )  # fmt: skip
    best = ranked.standings[0]
    st.dataframe(
        columns,
        hide_index=True,
        height=ROW * (len(names) + 1) + 3,
        column_config=config,
        placeholder="–",
        alt=f"{len(names)} rows ranked by {TITLES[ranked.measure].lower()}; first "
        f"{_title(best.name)} with {_figure(best.mean, ranked.measure)}"
        + (f", 95% interval {said}" if (said := _interval(best, ranked.measure)) else ""),
    )


def _order(ranked: Ranking) -> str:
    """Which neighbours in the order are told apart, in a sentence."""
    what = TITLES[ranked.measure].lower()
    fewest = min(each.pictures for each in ranked.standings)
    if fewest < FEWEST:
        return (
            f"**No order by {what} is significant yet.** Of fewer than {FEWEST} pictures no two "
            "can be told apart, whatever was said of them."
        )
    unsure = _unsure(ranked)
    if not unsure:
        return f"**By {what} each is significantly better than the next.**"
    if len(unsure) == 1 and len(unsure[0]) == len(ranked.standings):
        said = f"**By {what} no two neighbours in the order differ significantly**"
        rest = ""
    else:
        runs = [enumerated(_inline(name) for name in run) for run in unsure]
        others = "".join(f"; nor is that of {run}" for run in runs[1:])
        said = f"**By {what} the order of {runs[0]} is not significant{others}**"
        rest = " All other neighbours differ significantly."
    least = min(pair.p for pair in ranked.neighbours if not pair.told_apart)
    if rest and any(len(run) > 2 for run in unsure):
        return f"{said}, each beside the next (p of at least {_p(least)}).{rest}"
    return f"{said} (p {'≥' if sum(map(len, unsure)) > 2 else '='} {_p(least)}).{rest}"


def _unsure(ranked: Ranking) -> list[list[str]]:
    """Runs of neighbours whose order is not significant."""
    runs: list[list[str]] = []
    for pair in ranked.neighbours:
        if pair.told_apart:
            continue
        if runs and runs[-1][-1] == pair.better:
            runs[-1].append(pair.worse)
        else:
            runs.append([pair.better, pair.worse])
    return runs


def _beyond_chance(ranked: Ranking) -> str:
    """Which methods are better than what knows nothing of the picture."""
    names = [each.name for each in ranked.standings]
    methods = [name for name in names if name not in BASELINES]
    said = []
    for baseline, called in KNOWS_NOTHING.items():
        if baseline not in names:
            continue
        better = set(ranked.better_than(baseline))
        which = [_title(name) for name in methods if name in better]
        others = [_title(name) for name in methods if name not in better]
        if len(which) > len(others):
            told = f"every method but {enumerated(others)}" if others else "every method"
        else:
            told = enumerated(which) if which else "no method"
        said.append(f"Significantly better than {called}: **{told}**.")
    return " ".join(said)


def _how(ranked: Ranking) -> str:
    """What the figures are of, how two are told apart, and what it cannot say."""
    most = max(each.pictures for each in ranked.standings)
    many = len(ranked.pairs)
    return (
        f"Means over the {most:,} pictures that were drawn at random, never the worst, which were "
        "chosen. Intervals: of means by drawing the pictures anew, of shares Wilson's. Two are "
        "told apart where to swap their figures at random, picture by picture, makes as large a "
        f"difference less than once in {1 / ALPHA:.0f}, corrected for all "
        f"{many} pair{'' if many == 1 else 's'} of a measure (Holm). It holds for this network and "
        "pictures like these. What is hidden is blurred or grey, which no network was trained on, "
        "and average drop is kind to maps that are hot all over: where measures disagree, trust "
        "none alone."
    )


def _interval(standing: Standing | None, measure: str) -> str | None:
    if standing is None or standing.low is None or standing.high is None:
        return None
    if _in_percent(measure):
        return f"{100 * standing.low:.0f} to {100 * standing.high:.0f}%"
    return f"{standing.low:.3f} to {standing.high:.3f}"


def _figure(value: float, measure: str) -> str:
    return percent(value) if _in_percent(measure) else f"{value:.3f}"


def _in_percent(measure: str) -> bool:
    return measure in ("drop", "increase")


def _p(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _title(name: str) -> str:
    return BASELINES.get(name) or method_named(name).title


def _inline(name: str) -> str:
    return KNOWS_NOTHING.get(name) or method_named(name).title
