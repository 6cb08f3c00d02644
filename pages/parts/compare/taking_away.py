"""What one takes away of Compare: all that it shows, as one file that opens anywhere."""

from collections.abc import Callable, Mapping, Sequence

from streamlit.delta_generator import DeltaGenerator

from explainers import CheckUp, Explanation, check_up
from explainers.metrics.pointing import Hiding
from explainers.report.page import case_of, report
from explainers.report.record import Record
from explainers.words import slug
from pages.parts import cache, records
from pages.parts.card import Subject
from pages.parts.frame import Selection


def offer(
    slot: DeltaGenerator, selection: Selection, explanations: Sequence[Explanation | None]
) -> None:
    """A button for the report, which is made when it is pressed."""
    complete = [each for each in explanations if each is not None]
    if not complete:
        return
    picture, classifier = selection.picture, selection.classifier
    hidings = {
        each.explainer.title: cache.hiding(picture, classifier, selection.pixels, each)
        for each in complete
        if not each.blank_reason
    }
    recorded = records.recorder(Subject.of(selection), complete)
    slot.download_button(
        "Report",
        lambda: cache.aside(
            classifier, cache.LOOKED_OVER, lambda: _written(selection, complete, hidings, recorded)
        ),
        f"triptych-{slug(picture.title)}-report.html",
        "text/html",
        icon=":material/article:",
        key="report",
        on_click="ignore",
        width="stretch",
        help="The answer, the maps, the numbers and what is known of the methods as one page that "
        "opens anywhere and can be printed, with the record inside.",
    )


def _written(
    selection: Selection,
    explanations: Sequence[Explanation],
    hidings: Mapping[str, Hiding],
    recorded: Callable[[CheckUp | None], Record],
) -> bytes:
    """The report, apart from the session that shows the page."""
    classifier = selection.classifier
    found = check_up(classifier, selection.pixels)
    case = case_of(
        recorded(found), classifier, selection.picture.image, explanations,
        check_up=found, hidings=hidings,
    )  # fmt: skip
    return report(case, selection.style).encode()
