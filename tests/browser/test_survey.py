"""What only a browser shows of Survey: the address that follows, a click, and the way back."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from explainers.survey import questions
from explainers.survey.questions import Question
from explainers.survey.table import Stored

pytestmark = pytest.mark.browser


def test_a_survey_is_sorted_a_picture_opened_and_the_way_back_found(
    desk: Page, address: str, surveys: Path
) -> None:
    stored = Stored.at(surveys / "pieces")
    desk.goto(f"{address}/survey?methods=Grad-CAM")
    expect(desk.get_by_role("heading", level=1, name="Survey")).to_be_visible()
    expect(
        desk.get_by_text("1 of 5 classes looks somewhere that the others do not")
    ).to_be_visible()
    desk.get_by_role("radio", name="Pictures").click()
    expect(desk.get_by_text("The methods agree least.")).to_be_visible()
    menu = desk.get_by_role("combobox", name="Sort by")
    menu.click()
    desk.get_by_role("option", name="Nearly wrong").click()
    expect(desk.get_by_text("by the smallest margin.")).to_be_visible()
    expect(desk).to_have_url(re.compile("sort=Nearly[+]wrong"))
    expect(desk).to_have_url(re.compile("survey=pieces"))
    rows = questions.page(stored, Question("Nearly wrong")).rows
    pictures = desk.get_by_test_id("stImage").get_by_role("img")
    expect(pictures).to_have_count(len(rows))
    for place in (0, 1):
        told = pictures.nth(place).get_attribute("alt") or ""
        assert told.startswith(f"{rows[place]['path']}: {rows[place]['answer']}")
    desk.get_by_role("button", name=re.compile(f"^{rows[1]['answer']} ")).first.click()
    expect(desk.get_by_role("heading", level=1, name=re.compile("^Why "))).to_be_visible()
    desk.get_by_role("link", name="Back to pieces").click()
    expect(desk.get_by_text("by the smallest margin.")).to_be_visible()
    expect(desk).to_have_url(re.compile("sort=Nearly[+]wrong"))
    expect(pictures).to_have_count(len(rows))
    desk.reload()
    expect(desk.get_by_text("by the smallest margin.")).to_be_visible()
    expect(pictures.first).to_have_attribute("alt", re.compile(f"^{rows[0]['path']}"))
