"""The page as people use it: in Chromium, by mouse and by keyboard, on a wide screen, a phone and on paper."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium_browser import contrast, open_page, resize

selenium = pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402


@pytest.fixture
def page(chromium: webdriver.Chrome, written: Path) -> Iterator[webdriver.Chrome]:
    """The page, freshly loaded on a wide screen; a message on the console fails the test."""
    resize(chromium, 1280)
    open_page(chromium, (written / "report.html").as_uri())
    yield chromium
    assert chromium.get_log("browser") == []


def column(page: webdriver.Chrome, table: str, number: int) -> list[str]:
    return [
        cell.text for cell in page.find_elements(By.CSS_SELECTOR, f"#table-{table} tbody tr > :nth-child({number})")
    ]


def heading(page: webdriver.Chrome, table: str, number: int) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, f"#table-{table} thead th:nth-child({number})")


def focus(page: webdriver.Chrome, element: WebElement) -> None:
    page.execute_script("arguments[0].focus()", element)


def press(page: webdriver.Chrome, key: str) -> None:
    page.switch_to.active_element.send_keys(key)


def shown(page: webdriver.Chrome) -> list[WebElement]:
    return [case for case in page.find_elements(By.CSS_SELECTOR, ".case") if case.is_displayed()]


def test_a_heading_sorts_by_mouse_and_keyboard(page: webdriver.Chrome) -> None:
    dice = heading(page, "arms_stages", 3)
    assert dice.get_attribute("aria-sort") == "none"
    button = dice.find_element(By.TAG_NAME, "button")
    button.click()
    assert dice.get_attribute("aria-sort") == "ascending"
    ascending = column(page, "arms_stages", 3)
    assert ascending == sorted(ascending)
    focus(page, button)
    press(page, Keys.ENTER)
    assert dice.get_attribute("aria-sort") == "descending"
    assert column(page, "arms_stages", 3) == ascending[::-1]
    other = heading(page, "arms_stages", 1)
    focus(page, other.find_element(By.TAG_NAME, "button"))
    press(page, Keys.SPACE)
    assert (dice.get_attribute("aria-sort"), other.get_attribute("aria-sort")) == ("none", "ascending")
    assert column(page, "arms_stages", 1) == sorted(column(page, "arms_stages", 1))


def test_signs_sort_as_numbers_and_what_is_undefined_comes_last(page: webdriver.Chrome) -> None:
    button = heading(page, "arms_stages", 6).find_element(By.TAG_NAME, "button")
    for direction in (1, -1):
        button.click()
        texts = column(page, "arms_stages", 6)
        assert texts[-1] == "–"
        numbers = [float(text.replace("−", "-")) for text in texts[:-1]]
        assert numbers == sorted(numbers, reverse=direction < 0)
        assert min(numbers) < 0 < max(numbers)


def test_the_slider_moves_the_cut(page: webdriver.Chrome) -> None:
    case = shown(page)[0]
    slider = case.find_element(By.CSS_SELECTOR, "input[type=range]")
    cut, over = (case.find_element(By.CSS_SELECTOR, f".pair .{name}") for name in ("cut", "over"))
    width = case.find_element(By.CSS_SELECTOR, ".pair").size["width"]

    def place() -> float:
        script = "const r = (e) => e.getBoundingClientRect().left; return r(arguments[0]) - r(arguments[1])"
        return page.execute_script(script, cut, over) + 1

    assert place() == pytest.approx(width / 2, abs=1)
    focus(page, slider)
    press(page, Keys.ARROW_RIGHT)
    assert slider.get_attribute("value") == "55"
    assert place() == pytest.approx(0.55 * width, abs=1)
    assert slider.get_attribute("aria-valuetext") == "left 55 % before, right 45 % after"
    press(page, Keys.HOME)
    assert place() == pytest.approx(0, abs=1)
    assert "100%" in over.value_of_css_property("clip-path")  # nothing of the picture before is seen
    other = shown(page)[1].find_element(By.CSS_SELECTOR, "input[type=range]")
    assert other.get_attribute("value") == "50"


def test_filters_show_the_cases_that_fit(page: webdriver.Chrome) -> None:
    everything = len(shown(page))
    page.find_element(By.CSS_SELECTOR, '[data-filter=finding] [data-value="covid19"]').click()
    of_finding = shown(page)
    assert 0 < len(of_finding) < everything
    assert {case.get_attribute("data-finding") for case in of_finding} == {"covid19"}
    flag = page.find_element(By.CSS_SELECTOR, '[data-filter=flag] [data-value="island"]')
    focus(page, flag)
    press(page, Keys.ENTER)
    assert flag.get_attribute("aria-pressed") == "true"
    both = shown(page)
    expected = [case for case in of_finding if "island" in str(case.get_attribute("data-flags")).split()]
    assert both == expected
    count = page.find_element(By.ID, "shown").text
    assert count == f"{len(both)} of {everything} cases"
    for name in ("finding", "flag"):
        page.find_element(By.CSS_SELECTOR, f'[data-filter={name}] [data-value=""]').click()
    assert len(shown(page)) == everything


def test_a_choice_that_fits_no_case_says_so(page: webdriver.Chrome) -> None:
    page.execute_script("for (const one of document.querySelectorAll('.case')) one.dataset.flags = ''")
    none = page.find_element(By.CSS_SELECTOR, ".none")
    assert not none.is_displayed()
    page.find_element(By.CSS_SELECTOR, '[data-filter=flag] [data-value="island"]').click()
    assert none.is_displayed()
    assert shown(page) == []


@pytest.mark.parametrize(
    ("order", "key", "reverse"), [("-after", "after", True), ("-gain", "gain", True), ("number", "number", False)]
)
def test_cases_are_sorted(page: webdriver.Chrome, order: str, key: str, reverse: bool) -> None:
    first = [float(str(case.get_attribute("data-after"))) for case in shown(page)]
    assert first == sorted(first)
    Select(page.find_element(By.ID, "order")).select_by_value(order)
    values = [float(str(case.get_attribute(f"data-{key}"))) for case in shown(page)]
    assert values == sorted(values, reverse=reverse)


def test_everything_can_be_reached_by_the_keyboard_and_focus_is_seen(page: webdriver.Chrome) -> None:
    first = page.find_element(By.TAG_NAME, "body")
    first.send_keys(Keys.TAB)
    skip = page.switch_to.active_element
    assert skip.get_attribute("class") == "skip"
    assert skip.location["x"] >= 0
    reached = set()
    for _ in range(26):
        press(page, Keys.TAB)
        element = page.switch_to.active_element
        reached.add(element.tag_name)
        assert element.value_of_css_property("outline-style") == "solid"
    assert {"a", "div", "summary", "button"} <= reached


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_nothing_is_wider_than_the_screen(page: webdriver.Chrome, width: int) -> None:
    resize(page, width)
    page.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    script = "return [document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    room, needed = page.execute_script(script)
    assert width - 20 < room <= width
    assert needed == room


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: webdriver.Chrome, scheme: str) -> None:
    features: dict[str, Any] = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    for selector in (
        ".lead p",
        ".detail",
        ".badge",
        ".case .before",
        ".case .after",
        ".flags li",
        "figcaption",
        ".facts",
    ):
        assert contrast(page, selector) >= 4.5, selector
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_print_opens_every_table_and_closes_it_again(page: webdriver.Chrome) -> None:
    closed = "return document.querySelectorAll('details:not([open])').length"
    before = page.execute_script(closed)
    assert before > 0
    page.execute_script("addEventListener('beforeprint', () => { window.closed_in_print = " + closed[7:] + "; })")
    pdf = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    assert base64.b64decode(pdf["data"]).startswith(b"%PDF")
    assert page.execute_script("return window.closed_in_print") == 0
    assert page.execute_script(closed) == before
