"""Which methods are compared: a few at hand in the sidebar, and all there are one click away."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import streamlit as st

from explainers import METHODS, TRIPTYCH, Explainer, Target
from pages.parts import cache, controls
from pages.parts.long_running import price
from pages.parts.words import escaped

if TYPE_CHECKING:
    from explainers import Classifier
    from pages.parts.picture import Picture

Methods = tuple[type[Explainer], ...]

KEY = "methods"
"""What the address and the session call those that are chosen."""
NAMED: Mapping[str, type[Explainer]] = {method.title: method for method in METHODS}
USUAL = [method.title for method in TRIPTYCH]


@dataclass(frozen=True, eq=False)
class Picked:
    """The methods that a person has chosen.

    Parameters
    ----------
    methods : tuple of type
    wanted : bool
        Whether the list of all is asked for.
    """

    methods: Methods
    wanted: bool

    def offer_all(
        self, picture: "Picture", classifier: "Classifier", target: Target | None = None
    ) -> None:
        """Open the list if it is asked for: what each method answers, and what it costs here.

        Parameters
        ----------
        picture : Picture
        classifier : Classifier
        target : Target, optional
            What is to be explained; nothing where the network has no answer.
        """
        if self.wanted:
            _draw_list(picture, classifier, target)


def choose_methods() -> Picked:
    """Draw those at hand, and the button that leads to all."""
    if KEY not in st.session_state and "chosen_methods" in st.session_state:
        # Another page: its control would begin with the usual ones.
        st.query_params[KEY] = st.session_state.chosen_methods
    chosen = st.pills(
        "Methods", _at_hand(), selection_mode="multi", default=USUAL, key=KEY,
        bind="query-params", wrap=True,
    )  # fmt: skip
    st.session_state.chosen_methods = chosen
    wanted = st.button(
        f"All {len(METHODS)} methods", icon=":material/apps:", type="tertiary", key="all-methods"
    )
    return Picked(_in_order(chosen), wanted)


def chosen_methods() -> Methods:
    """What was chosen, in this session or in the link that opened it; nothing is drawn."""
    return _in_order(st.session_state.get(KEY) or st.query_params.get_all(KEY) or USUAL)


def _at_hand() -> list[str]:
    """The usual ones, and those that were chosen once: what is let go of can be had again."""
    known = {
        *st.session_state.get("methods_at_hand", USUAL),
        *st.session_state.get(KEY, []),
        *st.query_params.get_all(KEY),
    }
    st.session_state.methods_at_hand = known
    return [method.title for method in _in_order(known)]


def _take() -> None:
    """Make what was ticked in the list what is chosen."""
    st.session_state[KEY] = st.session_state.chosen_methods


@st.dialog("Methods", width="large", icon=":material/apps:", on_dismiss=_take)
def _draw_list(picture: "Picture", classifier: "Classifier", target: Target | None) -> None:
    st.caption(
        "What a map shows of the class, and what it costs on this machine with its settings. "
        "Close this to see the maps."
    )
    kinds = {
        kind: list(methods) for kind, methods in groupby(NAMED.values(), lambda each: each.kind)
    }
    for column, (kind, methods) in zip(st.columns(len(kinds)), kinds.items(), strict=True):
        column.markdown(f"**{kind}**")
        for method in methods:
            with column.container(gap=None):
                _draw_entry(method)
                said = [method.answers]
                if target is not None:
                    said.append(_cost(picture, classifier, method, target))
                st.caption("  \n".join(said))


def _draw_entry(method: type[Explainer]) -> None:
    key = f"method-{method.name}"
    st.session_state[key] = method.title in st.session_state.chosen_methods
    st.checkbox(method.title, key=key, on_change=_change, args=(method.title,))


def _change(title: str) -> None:
    now = st.session_state.chosen_methods
    without = [each for each in now if each != title]
    st.session_state.chosen_methods = without if title in now else [*now, title]


def _cost(
    picture: "Picture", classifier: "Classifier", method: type[Explainer], target: Target
) -> str:
    """What a method as it is set has still to ask of the network."""
    explainer: Explainer = controls.as_set(method, method.name)
    if cache.observed(picture, classifier, explainer, target):
        return "Nothing left to compute"
    try:
        return price(explainer.cost(classifier).passes, classifier)
    except LookupError as reason:
        return escaped(str(reason))


def _in_order(titles: Collection[str]) -> Methods:
    return tuple(method for title, method in NAMED.items() if title in titles)
