"""The review page as people use it: in Chromium, by mouse, keyboard and screen reader, on a wide screen and a phone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium_browser import contrast, open_page, resize
from PIL import Image
from reviewed_run import IDENTITY, LUNGS, WORST_FIRST, write_radiographs, write_run

selenium = pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

from monai_lungxfer.inference.outlines import draw_outline  # noqa: E402
from monai_lungxfer.inference.review.marks import ReviewMark, read_marks, write_marks  # noqa: E402
from monai_lungxfer.inference.review.page import render_page  # noqa: E402
from monai_lungxfer.inference.review.records import review_data  # noqa: E402
from monai_lungxfer.inference.review.results import read_results  # noqa: E402
from monai_lungxfer.inference.review.write import write_review  # noqa: E402
from monai_lungxfer.io.mask_writer import save_mask  # noqa: E402
from monai_lungxfer.utils.file_stamp import sample_file  # noqa: E402

MANY = 5000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages: review.html with pictures, many.html of 5,000 radiographs without."""
    folder = tmp_path_factory.mktemp("review")
    results = read_results(write_run(folder))
    write_review(results, images=write_radiographs(folder / "in"))
    data = review_data(results)
    few = data["records"]
    data["records"] = [few[n % 4] | {"file": f"x{n:04}.png", "key": str(n)} for n in range(MANY)]
    (folder / "many.html").write_text(render_page(data), encoding="utf-8")
    return folder


@pytest.fixture
def page(chromium: webdriver.Chrome, written: Path) -> Iterator[webdriver.Chrome]:
    """The page without marks, on a wide screen; a message on the console fails the test."""
    resize(chromium, 1280)
    load(chromium, written / "review.html")
    first = chromium.current_window_handle
    yield chromium
    for other in set(chromium.window_handles) - {first}:  # of a test that failed
        chromium.switch_to.window(other)
        chromium.close()
    chromium.switch_to.window(first)
    chromium.execute_script("localStorage.clear()")
    assert chromium.get_log("browser") == []


def load(page: webdriver.Chrome, file: Path) -> None:
    page.get("about:blank")
    open_page(page, file.as_uri())


def get(page: webdriver.Chrome, name: str) -> WebElement:
    return page.find_element(By.ID, name)


def press(page: webdriver.Chrome, *keys: str) -> None:
    for key in keys:
        webdriver.ActionChains(page).send_keys(key).perform()


def cards(page: webdriver.Chrome) -> list[WebElement]:
    found = page.find_elements(By.CSS_SELECTOR, ".card")
    return sorted(found, key=lambda card: int(str(card.get_attribute("aria-posinset"))))


def names(page: webdriver.Chrome) -> list[str]:
    """The file names of the cards, in order."""
    return [str(card.find_element(By.CLASS_NAME, "name").get_attribute("title")) for card in cards(page)]


def is_pressed(page: webdriver.Chrome, mark: str) -> bool:
    return page.find_element(By.CSS_SELECTOR, f"[data-mark={mark}]:is(button)").get_attribute("aria-pressed") == "true"


def marks(page: webdriver.Chrome) -> dict[str, str]:
    """The marks that the page holds."""
    return {row["file"]: row["mark"] for row in page.execute_script("return marks.rows()")}


def wait_for_marks(page: webdriver.Chrome, expected: dict[str, str]) -> None:
    """Wait until a page has what one before it has kept: another process of Chromium may see it a moment later."""
    WebDriverWait(page, 60, 0.05).until(lambda page: marks(page) == expected)


def test_the_worst_is_first_and_open(page: webdriver.Chrome) -> None:
    assert names(page) == WORST_FIRST
    assert get(page, "name").text == "c.png"
    assert "no lung was found" in get(page, "reasons").text
    assert "Not a medical device" in page.find_element(By.CLASS_NAME, "notice").text
    assert "file names and pictures" in get(page, "privacy").text


def test_keys_move_mark_and_undo(page: webdriver.Chrome) -> None:
    press(page, "j")
    assert get(page, "name").text == "b.png"
    press(page, "k", "k")
    assert get(page, "name").text == "c.png"
    press(page, "r", "c", "a")
    assert marks(page) == {"c.png": "reject", "b.png": "correct", "ward/a.png": "accept"}
    assert get(page, "name").text == "d.png"
    assert [card.find_element(By.CLASS_NAME, "mark").text for card in cards(page)[:4]] == [
        "rejected",
        "to correct",
        "accepted",
        "",
    ]
    press(page, "u")
    assert get(page, "name").text == "ward/a.png"
    assert marks(page) == {"c.png": "reject", "b.png": "correct"}
    press(page, "u", "u", "u")
    assert marks(page) == {}
    assert "nothing to undo" in get(page, "live").text


def test_a_second_press_takes_a_mark_back(page: webdriver.Chrome) -> None:
    button = page.find_element(By.CSS_SELECTOR, "[data-mark=accept]:is(button)")
    button.click()
    cards(page)[0].click()
    assert is_pressed(page, "accept")
    button.click()
    assert not is_pressed(page, "accept")
    assert (get(page, "name").text, marks(page)) == ("c.png", {})


def test_marks_and_notes_outlive_a_reload(page: webdriver.Chrome, written: Path) -> None:
    get(page, "note").send_keys("seen twice" + Keys.TAB)
    press(page, "r")
    load(page, written / "review.html")
    assert is_pressed(page, "reject")
    assert get(page, "note").get_attribute("value") == "seen twice"
    assert "1 of 6 marked" in get(page, "facts").text


def test_undo_takes_a_mark_back_and_no_note(page: webdriver.Chrome) -> None:
    press(page, "r", "k")
    get(page, "note").send_keys("seen twice" + Keys.TAB)
    press(page, "u")
    assert page.execute_script("return marks.rows().map(({ mark, note }) => [mark, note])") == [["", "seen twice"]]


def test_two_tabs_take_no_marks_from_each_other(page: webdriver.Chrome, written: Path) -> None:
    first = page.current_window_handle
    page.switch_to.new_window("tab")
    resize(page, 1280)
    load(page, written / "review.html")
    press(page, "r")
    second = page.current_window_handle
    page.switch_to.window(first)
    press(page, "j", "a")
    both = {"c.png": "reject", "b.png": "accept"}
    wait_for_marks(page, both)
    assert "2 of 6 marked" in get(page, "facts").text
    page.switch_to.window(second)
    wait_for_marks(page, both)
    page.close()
    page.switch_to.window(first)
    load(page, written / "review.html")
    wait_for_marks(page, both)


def test_keys_do_nothing_while_one_types_or_has_turned_them_off(page: webdriver.Chrome) -> None:
    press(page, "/")
    press(page, "a", "r")
    assert get(page, "search").get_attribute("value") == "ar"
    press(page, Keys.ESCAPE)
    press(page, "?")
    assert get(page, "help").is_displayed()
    press(page, "j")
    get(page, "keys").click()
    press(page, Keys.ESCAPE)
    assert not get(page, "help").is_displayed()
    press(page, "j", "a")
    assert marks(page) == {}
    get(page, "help-button").click()
    get(page, "keys").click()
    press(page, Keys.ESCAPE)
    press(page, "a")
    assert marks(page) == {"c.png": "accept"}


def choose(page: webdriver.Chrome, name: str, value: str) -> None:
    Select(get(page, name)).select_by_value(value)


def test_filters(page: webdriver.Chrome) -> None:
    press(page, "r")
    for name, value, shown in (
        ("flag", "bridge", ["b.png"]),
        ("flag", "any", ["c.png", "b.png", "d.png"]),
        ("flag", "none", ["ward/a.png", "e.png", "f.dcm"]),
        ("status", "skipped", ["e.png"]),
        ("mark", "reject", ["c.png"]),
        ("mark", "none", WORST_FIRST[1:]),
    ):
        choose(page, name, value)
        assert names(page) == shown
        assert get(page, "count").text == f"{len(shown)} of 6 radiographs"
        get(page, "clear").click()
        page.execute_async_script("setTimeout(arguments[0])")
        assert names(page) == WORST_FIRST


def test_filters_by_name_and_area(page: webdriver.Chrome) -> None:
    get(page, "search").send_keys("WARD")
    assert names(page) == ["ward/a.png"]
    get(page, "search").clear()
    get(page, "least").send_keys("10")
    assert names(page) == ["b.png", "ward/a.png", "d.png"]
    get(page, "most").send_keys("20")
    assert names(page) == ["d.png"]
    get(page, "most").clear()
    get(page, "most").send_keys("11")
    assert names(page) == []
    get(page, "clear-none").click()
    page.execute_async_script("setTimeout(arguments[0])")
    assert names(page) == WORST_FIRST


def test_the_place_follows_the_filters(page: webdriver.Chrome) -> None:
    assert get(page, "place").text == "1 of 6"
    choose(page, "flag", "any")
    assert get(page, "place").text == "1 of 3"
    choose(page, "flag", "bridge")
    assert get(page, "place").text == "not among those shown"


def test_enter_goes_from_the_search_to_the_list_and_keeps_the_text(page: webdriver.Chrome) -> None:
    get(page, "search").send_keys("ward", Keys.ENTER)
    press(page, "j", "a")
    assert names(page) == ["ward/a.png"]
    assert marks(page) == {"ward/a.png": "accept"}


def test_cards_of_one_name_show_their_folders(page: webdriver.Chrome, tmp_path: Path) -> None:
    assert page.find_elements(By.CLASS_NAME, "folder") == []  # all names differ
    table = write_run(tmp_path) / "predictions.json"
    long = "a-folder-with-a-rather-long-name/of-the-second"
    table.write_text(table.read_text().replace('"file": "b.png"', f'"file": "{long}/a.png"'))
    load(page, write_review(read_results(tmp_path)))
    second, third = cards(page)[1:3]
    assert [card.find_element(By.CLASS_NAME, "folder").text for card in (cards(page)[0], third)] == ["", "ward"]
    shown = "return arguments[0].querySelector('.name').textContent"
    assert [page.execute_script(shown, card) for card in (second, third)] == ["a.png", "a.png"]
    first_part, last_part = second.find_elements(By.CSS_SELECTOR, ".folder span")
    assert last_part.text == "the-second"
    room = second.rect["x"] + second.rect["width"]
    assert first_part.rect["width"] > 30
    assert last_part.rect["x"] + last_part.rect["width"] <= room
    assert second.accessible_name.startswith(f"{long}/a.png, ")


def test_a_corrected_mask_is_told_by_the_card_and_the_viewer(page: webdriver.Chrome, tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path))
    save_mask(tmp_path / "corrected" / "c_mask.png", LUNGS)
    load(page, write_review(results))
    first = cards(page)[0]
    assert first.find_element(By.CLASS_NAME, "mark").text == "corrected"
    assert first.accessible_name == "c.png, flags: empty, has a corrected mask, not marked"
    assert "outline is that of the corrected mask" in get(page, "reasons").text
    assert outline(page) == draw_outline(LUNGS)
    assert cards(page)[1].find_element(By.CLASS_NAME, "mark").text == ""


def test_orders(page: webdriver.Chrome) -> None:
    for order, first in (("name", "b.png"), ("small", "c.png"), ("large", "b.png"), ("cleaned", "b.png")):
        choose(page, "order", order)
        assert names(page)[0] == first


def test_marking_within_a_filter_goes_on_with_the_next(page: webdriver.Chrome) -> None:
    choose(page, "mark", "none")
    get(page, "list").send_keys("aa")
    assert names(page) == WORST_FIRST[2:]
    assert get(page, "name").text == "ward/a.png"


def save(page: webdriver.Chrome, button: str, folder: Path, name: str) -> Path:
    """Click on a button that saves a file, and return the file."""
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    get(page, button).click()
    end = time.monotonic() + 20
    while not (folder / name).is_file() and time.monotonic() < end:
        time.sleep(0.05)
    return folder / name


def test_saved_marks_are_read_by_the_package_and_by_the_page(page: webdriver.Chrome, tmp_path: Path) -> None:
    get(page, "note").send_keys('=1+1, "left"' + Keys.TAB)
    press(page, "c", "r")
    file = save(page, "save-csv", tmp_path, "review.csv")
    found = read_marks(file)
    assert {name: mark.mark for name, mark in found.items()} == {"c.png": "correct", "b.png": "reject"}
    assert (found["c.png"].note, found["c.png"].model) == ('=1+1, "left"', str(IDENTITY))
    assert found["c.png"].time.endswith("Z")
    assert "'=1+1" in file.read_text()
    assert read_marks(save(page, "save-json", tmp_path, "review.json")) == found
    page.execute_script("localStorage.clear()")
    for saved in ("review.csv", "review.json"):
        page.refresh()
        assert marks(page) == {}
        upload(page, tmp_path / saved)
        assert marks(page) == {"c.png": "correct", "b.png": "reject"}
        assert "Marks loaded: 2." in get(page, "live").text
        assert get(page, "note").get_attribute("value") == '=1+1, "left"'
        page.execute_script("localStorage.clear()")


def upload(page: webdriver.Chrome, file: Path) -> None:
    said = get(page, "live").text
    get(page, "load-file").send_keys(str(file))
    end = time.monotonic() + 20
    while get(page, "live").text == said and time.monotonic() < end:
        time.sleep(0.05)


def test_marks_say_which_radiograph_they_are_of_and_are_not_loaded_for_another(
    page: webdriver.Chrome, tmp_path: Path
) -> None:
    results = read_results(write_run(tmp_path / "out", write_radiographs(tmp_path / "in")))
    load(page, write_review(results))
    press(page, "r")
    file = save(page, "save-csv", tmp_path, "review.csv")
    assert read_marks(file)["c.png"].input_sample == sample_file(tmp_path / "in" / "c.png")
    Image.fromarray(np.zeros(LUNGS.shape, np.uint8)).save(tmp_path / "in" / "c.png")
    load(page, write_review(read_results(write_run(tmp_path / "other", tmp_path / "in"))))
    assert marks(page) == {}  # what the browser keeps is of the first run
    upload(page, file)
    assert marks(page) == {}
    assert "Of other radiographs that have the names of these, and not taken: 1." in get(page, "live").text
    press(page, "a")
    load(page, tmp_path / "out" / "review.html")
    wait_for_marks(page, {"c.png": "reject"})


def test_loading_tells_of_other_files_and_other_models(page: webdriver.Chrome, tmp_path: Path) -> None:
    write_marks(tmp_path / "a.csv", [ReviewMark("c.png", "accept", "", "another"), ReviewMark("z.png", "reject")])
    upload(page, tmp_path / "a.csv")
    told = "Marks loaded: 1. Of files that are not here: 1. Given to masks of another model: 1."
    assert get(page, "live").text == told
    (tmp_path / "b.csv").write_text("file;mark\na;accept\n")
    upload(page, tmp_path / "b.csv")
    assert "holds no marks" in get(page, "live").text
    assert marks(page) == {"c.png": "accept"}


def test_of_two_marks_the_later_counts(page: webdriver.Chrome, tmp_path: Path) -> None:
    press(page, "a")
    rows = [ReviewMark("c.png", "reject", time="2001-01-01T00:00:00Z")]
    rows += [
        ReviewMark("b.png", mark, time=f"200{year}-01-01T00:00:00Z") for mark, year in (("reject", 2), ("accept", 1))
    ]
    write_marks(tmp_path / "a.csv", rows)
    upload(page, tmp_path / "a.csv")
    assert marks(page) == {"c.png": "accept", "b.png": "reject"}
    assert "Older than those here, which stay: 2." in get(page, "live").text


def test_before_and_after_cleaning(page: webdriver.Chrome) -> None:
    assert not get(page, "cleaning").is_enabled()
    press(page, "j")
    after = outline(page)
    press(page, "b")
    assert get(page, "cleaning").get_attribute("aria-pressed") == "true"
    assert outline(page) != after
    get(page, "cleaning").click()
    assert outline(page) == after
    press(page, "b", "j", "k")
    assert outline(page) == after


def outline(page: webdriver.Chrome) -> str:
    return str(page.find_element(By.CSS_SELECTOR, "#stage path").get_attribute("d"))


def test_opacity_and_zoom(page: webdriver.Chrome) -> None:
    press(page, "j")
    page.execute_script("arguments[0].focus()", get(page, "opacity"))
    press(page, *[Keys.ARROW_LEFT] * 3)
    path = page.find_element(By.CSS_SELECTOR, "#stage path")
    assert float(path.value_of_css_property("fill-opacity")) == 0
    press(page, "+", "+")
    assert view(page)[2:] == pytest.approx([140 / 2.25, 100 / 2.25])
    page.execute_script("arguments[0].focus()", get(page, "stage"))
    press(page, Keys.ARROW_RIGHT)
    middle = view(page)
    assert middle[0] == pytest.approx((140 - 140 / 2.25) / 2 + 140 / 2.25 / 8)
    drag(page, get(page, "stage"), -60)
    assert view(page)[0] > middle[0]
    press(page, "0")
    assert view(page) == [0, 0, 140, 100]


def view(page: webdriver.Chrome) -> list[float]:
    text = page.find_element(By.CSS_SELECTOR, "#stage svg").get_dom_attribute("viewBox")
    return list(map(float, str(text).split()))


def drag(page: webdriver.Chrome, element: WebElement, across: int) -> None:
    webdriver.ActionChains(page).click_and_hold(element).move_by_offset(across, 0).release().perform()


def test_the_outline_lies_on_the_picture(page: webdriver.Chrome) -> None:
    """The lungs of ward/a.png end at column 120 of 140 and at row 90 of 100."""
    cards(page)[2].click()
    script = "const r = document.querySelector(arguments[0]).getBoundingClientRect(); "
    script += "return [r.left, r.top, r.right, r.bottom]"
    picture, path = (np.array(page.execute_script(script, f"#stage {name}")) for name in ("image", "path"))
    width, height = picture[2:] - picture[:2]
    expected = picture[[0, 1, 0, 1]] + np.array([20, 10, 120, 90]) * np.array([width / 140, height / 100] * 2)
    assert path == pytest.approx(expected, abs=2)


def test_a_mask_without_picture_and_a_picture_without_mask_say_why(page: webdriver.Chrome) -> None:
    cards(page)[1].click()
    assert "not in the folder" in get(page, "reasons").text
    cards(page)[4].click()
    assert get(page, "stage").text == "is no picture"
    assert get(page, "stage").get_attribute("aria-label") == "is no picture"


def test_a_screen_reader_is_told_names_places_and_changes(page: webdriver.Chrome) -> None:
    box = get(page, "list")
    assert (box.aria_role, box.accessible_name) == ("listbox", "Radiographs")
    first = cards(page)[0]
    assert first.aria_role == "option"
    assert first.accessible_name == "c.png, flags: empty, not marked"
    assert (first.get_attribute("aria-setsize"), first.get_attribute("aria-selected")) == ("6", "true")
    box.send_keys(Keys.ARROW_RIGHT)
    assert box.get_attribute("aria-activedescendant") == cards(page)[1].get_attribute("id")
    assert get(page, "live").text == "2 of 6: b.png, expected Dice 0.85, flags: bridge, low confidence, not marked"
    press(page, "a")
    assert get(page, "live").text.startswith("b.png: accepted. Now ward/a.png")
    assert cards(page)[1].accessible_name.endswith("accepted")
    assert {card.get_attribute("aria-pressed") for card in cards(page)} == {None}  # which an option has not


def test_everything_that_can_be_operated_has_a_name(page: webdriver.Chrome) -> None:
    operable = page.find_elements(By.CSS_SELECTOR, "button, input:not([hidden]), select, a, [tabindex='0']")
    shown = [element for element in operable if element.is_displayed()]
    assert len(shown) > 20
    assert [element.get_attribute("outerHTML") for element in shown if not element.accessible_name] == []


def test_focus_goes_through_the_page_in_order_and_is_seen(page: webdriver.Chrome) -> None:
    seen: list[str | None] = [None]
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.get_attribute("class") == "skip"
    while seen[-1] != "note":
        press(page, Keys.TAB)
        element = page.switch_to.active_element
        seen.append(element.get_attribute("id") or element.get_attribute("data-mark"))
        if seen[-1] == "list":
            element = cards(page)[0]  # which aria-activedescendant names
        assert element.value_of_css_property("outline-style") in ("solid", "auto"), seen
    in_order = ["save-csv", "load", "help-button", "search", "flag", "order", "list", "stage", "opacity", "accept"]
    assert [name for name in seen if name in in_order] == in_order


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: webdriver.Chrome, scheme: str) -> None:
    press(page, "a", "r", "c")
    cards(page)[0].click()
    features: dict[str, Any] = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    texts = (
        ".facts",
        ".privacy",
        ".notice",
        ".line",
        ".flagged",
        "#count",
        "#clear",
        ".numbers dt",
        ".numbers dd",
        ".filters label",
    )
    of_marks = [f"{kind}[data-mark={name}]" for name in ("accept", "reject", "correct") for kind in ("button",)]
    on_cards = [f".card[data-mark={name}] .mark" for name in ("accept", "reject", "correct")]
    for selector in (*texts, *of_marks, *on_cards):
        assert contrast(page, selector) >= 4.5, selector
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_nothing_is_wider_than_the_screen(page: webdriver.Chrome, width: int) -> None:
    resize(page, width)
    script = "return [document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    room, needed = page.execute_script(script)
    assert needed == room <= width


def test_neither_mark_nor_dice_is_cut_off(page: webdriver.Chrome) -> None:
    press(page, *(4 * "c"))
    for card in cards(page)[:4]:
        mark, line = card.find_element(By.CLASS_NAME, "mark"), card.find_element(By.CLASS_NAME, "line")
        assert mark.text == "to correct"
        assert mark.rect["x"] + mark.rect["width"] <= line.rect["x"] + line.rect["width"]
        told = line.find_element(By.TAG_NAME, "span")
        assert told.get_property("scrollWidth") == told.get_property("offsetWidth")
        assert told.rect["x"] + told.rect["width"] <= mark.rect["x"]


def test_on_a_phone_a_radiograph_covers_the_list_and_gives_it_back(page: webdriver.Chrome, written: Path) -> None:
    resize(page, 390, 844)
    load(page, written / "review.html")
    assert not get(page, "detail").is_displayed()
    cards(page)[1].click()
    assert get(page, "detail").rect["width"] == 390
    assert "Not a medical device" in get(page, "detail").text
    focused = (
        "const e = document.activeElement; return e === document.body || document.getElementById('detail').contains(e)"
    )
    for _ in range(24):  # more than can be operated in it
        press(page, Keys.TAB)
        assert page.execute_script(focused)
    get(page, "next").click()
    assert get(page, "name").text == "ward/a.png"
    get(page, "previous").click()
    assert get(page, "name").text == "b.png"
    page.find_element(By.CSS_SELECTOR, "[data-mark=accept]:is(button)").click()
    assert get(page, "name").text == "ward/a.png"
    get(page, "close").click()
    assert not get(page, "detail").is_displayed()
    assert marks(page) == {"b.png": "accept"}
    assert page.switch_to.active_element.get_attribute("id") == "list"
    targets = page.find_elements(By.CSS_SELECTOR, "button, select, input:not([hidden])")
    assert min(each.rect["height"] for each in targets if each.is_displayed()) >= 24  # WCAG 2.5.8


def test_of_5000_radiographs_few_are_in_the_page_and_all_can_be_reached(page: webdriver.Chrome, written: Path) -> None:
    load(page, written / "many.html")
    assert get(page, "count").text == "5000 of 5000 radiographs"
    assert len(cards(page)) < 60
    get(page, "list").send_keys(Keys.END)
    assert get(page, "name").text == names(page)[-1] == "x4999.png"
    assert len(cards(page)) < 60
    active = get(page, "list").get_attribute("aria-activedescendant")
    page.execute_script("document.querySelector('.gallery').scrollTop = 0")
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert names(page)[0] == "x0000.png"
    assert get(page, str(active)).get_attribute("aria-posinset") == "5000"  # stays for the screen reader
    cards(page)[0].click()
    press(page, "j", "j")
    assert page.execute_script("return document.querySelector('.gallery').scrollTop") == 0  # all three are in sight
    get(page, "search").send_keys("x25")
    assert get(page, "count").text == "100 of 5000 radiographs"
    get(page, "list").send_keys("jar")
    assert marks(page) == {"x2500.png": "accept", "x2501.png": "reject"}


def test_a_browser_that_keeps_nothing_says_so(page: webdriver.Chrome) -> None:
    page.execute_script("Storage.prototype.setItem = () => { throw new Error('full') }")
    press(page, "a")
    assert "keeps no marks" in get(page, "facts").text
    assert marks(page) == {"c.png": "accept"}


def test_names_are_shown_as_text(page: webdriver.Chrome, tmp_path: Path) -> None:
    table = write_run(tmp_path) / "predictions.json"
    evil = "<img src=x onerror=document.title='hit'>\u202e.png"
    table.write_text(table.read_text().replace('"file": "c.png"', f'"file": {json.dumps(evil)}'))
    load(page, write_review(read_results(tmp_path)))
    assert get(page, "name").text == evil
    assert page.title == "Lung masks to review"


def test_with_a_server_correcting_opens_the_editor_and_takes_its_outline(page: webdriver.Chrome) -> None:
    page.execute_script("""
        data.server = true;
        window.lungEditor = { open: (record, done) => { window.opened = record.file; window.done = done; } };
    """)
    press(page, "j", "c")
    assert page.execute_script("return window.opened") == "b.png"
    assert marks(page) == {}
    page.execute_script("window.done({ outline: 'M1 1l5 0 0 5z' })")
    assert marks(page) == {"b.png": "corrected"}
    assert outline(page) == "M1 1l5 0 0 5z"
    assert cards(page)[1].find_element(By.TAG_NAME, "path").get_attribute("d") == "M1 1l5 0 0 5z"
