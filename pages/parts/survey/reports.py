"""Reports of the pictures of a survey that are shown, as one zip: offered, watched and stopped."""

import io
import zipfile
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from explainers import ModelError
from explainers.models import zoo
from explainers.survey.questions import Page, Question
from explainers.survey.survey import SurveyError
from explainers.survey.table import Stored
from explainers.words import slug
from pages.parts import cache, long_running
from pages.parts.classifiers import Wanted
from pages.parts.words import escaped

if TYPE_CHECKING:
    from explainers.survey.reports import Step

COMMAND = "python -m explainers report --survey RUN --model FILE --out DIR"


def ask(found: Page) -> None:
    """A button that asks what the reports of these rows cost; they are begun by the next."""
    one = len(found.rows) == 1
    st.button(
        f"{'Report' if one else f'{len(found.rows)} reports'}, HTML", icon=":material/article:",
        key="ask-reports", on_click=_ask_for, args=(_asked_for(found),),
        help="Each picture shown here explained again as in the survey, as a page that opens "
        "anywhere, with a first page of all. First it is told how long that takes.",
    )  # fmt: skip


def offer(name: str, stored: Stored, question: Question, found: Page) -> None:
    """The reports that were asked for, as long as these rows are shown: price, progress, file."""
    if st.session_state.get("reports_asked_for") != _asked_for(found):
        return
    asked = stored.told["classifier"]
    if asked not in zoo.CLASSIFIERS:
        st.info(
            f"The survey asked {escaped(stored.told['title'])}, a file of its own, which is not on "
            "this server. Where it is, this makes the reports:",
            icon=":material/draft:",
        )
        st.code(COMMAND, language="sh")
        return
    try:
        if zoo.whereabouts(asked) == "elsewhere":
            raise SurveyError(f"The weights of {zoo.CLASSIFIERS[asked]} are not on this machine.")
        with st.empty():  # what tells that it is being opened moves nothing below
            classifier = cache.classifier(asked, Wanted(asked).load)
        from explainers.survey.reports import passes, reports

        price = passes(stored, found.rows, classifier)
    except (ModelError, SurveyError, LookupError) as reason:
        st.error(escaped(str(reason)), icon=":material/block:")
        return
    run = cache.job(
        "", classifier.name, f"{stored.folder} {stored.state} {question} {_asked_for(found)}"
    )
    long_running.offer(
        run, partial(reports, stored, found.rows, classifier), _label(len(found.rows)), price,
        classifier,
        lambda reported, settled: _draw(name, stored, question, found, reported, settled=settled),
    )  # fmt: skip


def zipped(stored: Stored, question: Question, found: int, reported: "Step") -> bytes:
    """The reports there are, and the first page of them, as one zip."""
    from explainers.survey.reports import FIRST_PAGE, first_page

    entries = [each.entry for each in reported.written]
    pages = {each.name: each.page for each in reported.written}
    pages[FIRST_PAGE] = first_page(stored, question, found, entries, reported.missing)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in pages.items():
            packed.writestr(name, content)
    return file.getvalue()


def _label(count: int) -> str:
    return "Write the report" if count == 1 else f"Write {count} reports"


def _asked_for(found: Page) -> tuple[str, ...]:
    """What tells these rows from others."""
    return tuple(row["path"] for row in found.rows)


def _ask_for(paths: tuple[str, ...]) -> None:
    st.session_state.reports_asked_for = paths


def _draw(
    name: str,
    stored: Stored,
    question: Question,
    found: Page,
    reported: "Step",
    *,
    settled: bool,
) -> None:
    """How far they are, what is missing, and the file."""
    count, missing = len(reported.written), reported.missing
    if not settled:
        st.caption(f"{int(reported.done)} of {reported.total} done; {escaped(reported.doing)}")
        return
    if count:
        st.download_button(
            f"{count} report{'' if count == 1 else 's'}, ZIP",
            lambda: zipped(stored, question, found.total, reported),
            f"{slug(name)}-reports.zip", "application/zip", key="take-reports",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    for each in missing:
        st.caption(
            f":material/broken_image: No report of {escaped(each.path)}: {escaped(each.why)}"
        )
