"""The editor as people use it: in Chromium, by mouse, keys and fingers. What is saved is what was drawn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium_browser import open_page, resize
from correctable_run import HEIGHT, NAMES, WIDTH, network_mask, open_run
from PIL import Image

from monai_lungxfer.inference.review.results import read_result_mask
from monai_lungxfer.serving.review.corrections import Corrections
from monai_lungxfer.serving.review.page import draw_page
from monai_lungxfer.serving.review.server import ReviewServer, open_server
from monai_lungxfer.utils.csv_tables import read_rows

selenium = pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402


@contextmanager
def served(corrections: Corrections, port: int = 0) -> Iterator[ReviewServer]:
    with open_server(corrections, port) as server:
        server.show(draw_page(corrections))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Page:
    """The page in a browser, whose editor is used in pixels of the mask."""

    def __init__(self, driver: webdriver.Chrome, server: ReviewServer) -> None:
        self.driver, self.server = driver, server
        resize(driver, 1280)
        open_page(driver, server.url)

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def wait(self, fits: Callable[[], Any]) -> Any:
        end = time.monotonic() + 15
        while not (found := fits()):
            assert time.monotonic() < end, self.status()
            time.sleep(0.02)
        return found

    def open(self, name: str = NAMES[0]) -> None:
        """Choose a radiograph in the page, and press the key that corrects it."""
        self.run("openRecord(data.records.findIndex((record) => record.file === arguments[0]))", name)
        self.driver.find_element(By.TAG_NAME, "body").send_keys("c")
        self.wait(lambda: self.run("return document.querySelector('.lung-editor')?.dataset.state") == "ready")

    def status(self) -> str:
        return str(self.run("return document.querySelector('.lung-editor .le-status')?.textContent"))

    def keys(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def screen(self, x: float, y: float) -> tuple[int, int]:
        """The place on the screen of a place in the mask, when all of it is shown."""
        left, top, width, height = self.run("""
        const edge = document.querySelector(".le-stage").getBoundingClientRect();
        return [edge.x, edge.y, edge.width, edge.height];
        """)
        scale = min(width / WIDTH, height / HEIGHT)
        across, down = left + (width - scale * WIDTH) / 2 + scale * x, top + (height - scale * HEIGHT) / 2 + scale * y
        return round(across), round(down)

    def drag(self, *points: tuple[float, float]) -> None:
        chain = ActionChains(self.driver, duration=20)
        mouse = chain.w3c_actions.pointer_action
        mouse.move_to_location(*self.screen(*points[0]))
        mouse.pointer_down()
        for point in points[1:]:
            mouse.move_to_location(*self.screen(*point))
        mouse.pointer_up()
        chain.perform()

    def click(self, *points: tuple[float, float]) -> None:
        for point in points:
            self.drag(point)

    def set(self, name: str, value: int) -> None:
        script = "const i = document.querySelector(`.lung-editor input[name=${arguments[0]}]`); i.value = arguments[1];"
        self.run(script + "i.dispatchEvent(new Event('input'))", name, value)

    def press(self, act: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, f".lung-editor [data-act={act}]").click()

    def answer(self, answer: str) -> None:
        button = self.wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, f"[data-answer={answer}]"))[0]
        button.click()

    def save(self) -> None:
        self.press("save")
        self.wait(lambda: self.status().startswith("Saved"))

    def colour(self, x: float, y: float) -> list[int]:
        """What the layer of the mask shows at a place: red, green, blue, alpha."""
        script = """
        const [x, y, done] = arguments, layer = document.querySelector(".le-mask");
        const edge = layer.getBoundingClientRect();
        requestAnimationFrame(() => requestAnimationFrame(() => {
          const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
          pixel.drawImage(layer, edge.x - x, edge.y - y);
          done([...pixel.getImageData(0, 0, 1, 1).data]);
        }));
        """
        return self.driver.execute_async_script(script, *self.screen(x, y))


@pytest.fixture
def corrections(tmp_path: Path) -> Corrections:
    return open_run(tmp_path, "A. Reviewer")


@pytest.fixture
def page(chromium: webdriver.Chrome, corrections: Corrections) -> Iterator[Page]:
    """The page, freshly loaded on a wide screen; a message on the console fails the test."""
    with served(corrections) as server:
        page = Page(chromium, server)
        yield page
        assert chromium.get_log("browser") == []
        chromium.get("about:blank")


def corrected(corrections: Corrections, mask: str = "ward/a_mask.png") -> np.ndarray:
    pixels = np.asarray(Image.open(corrections.folder / mask))
    assert pixels.dtype == np.uint8
    assert set(np.unique(pixels)) <= {0, 255}
    return (pixels > 0).astype(np.uint8)


def brushed(row: float, first: float, last: float, size: int) -> np.ndarray:
    """The pixels whose centre is not farther than half the size from a line along a row."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    beside = np.maximum(0, np.maximum(first - x, x - last))
    return np.hypot(beside, y - row) <= size / 2


def boxed(x0: int, y0: int, x1: int, y1: int) -> tuple[slice, slice]:
    return slice(y0, y1), slice(x0, x1)


def test_what_is_saved_is_what_was_drawn(page: Page, corrections: Corrections) -> None:
    expected = network_mask()
    page.open()
    assert "network's mask" in page.status()
    assert "A. Reviewer" in page.status()
    page.set("size", 10)
    page.drag((60, 60), (90, 60))
    expected[brushed(60, 60, 90, 10)] = 1
    page.keys("e")
    page.set("size", 7)  # odd: the middle is that of a pixel
    page.drag((30.5, 40.5), (50.5, 40.5))
    expected[brushed(40.5, 30.5, 50.5, 7)] = 0
    page.keys("p")
    page.click((70, 80), (110, 80), (110, 110), (70, 110))
    page.keys(Keys.ENTER)
    expected[boxed(70, 80, 110, 110)] = 1
    page.keys("x")
    page.click((80, 85), (100, 85), (100, 100), (80, 100), (80, 85))  # closed by its first point
    expected[boxed(80, 85, 100, 100)] = 0
    page.save()
    np.testing.assert_array_equal(corrected(corrections), expected)
    np.testing.assert_array_equal(read_result_mask(corrections.results.folder, "ward/a_mask.png"), network_mask())
    (row,) = read_rows(corrections.folder / "corrections.csv")
    assert (row["file"], row["mask"], row["reviewer"]) == (NAMES[0], "ward/a_mask.png", "A. Reviewer")
    both = network_mask() & expected
    assert float(row["dice"]) == pytest.approx(2 * both.sum() / (network_mask().sum() + expected.sum()), abs=1e-6)
    assert int(row["added_px"]) == (expected & ~network_mask() & 1).sum()
    assert int(row["removed_px"]) == (network_mask() & ~expected & 1).sum()


def test_a_slanted_polygon_counts_the_pixels_whose_centre_is_inside(page: Page, corrections: Corrections) -> None:
    points = np.array([(20, 100), (75, 8), (130, 95), (60, 70)])
    page.open()
    page.keys("x")
    page.click((1, 1), (149, 1), (149, 119), (1, 119))
    page.keys(Keys.ENTER, "p")
    page.click(*map(tuple, points))
    page.keys(Keys.ENTER)
    page.save()
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    inside = np.zeros((HEIGHT, WIDTH), bool)
    for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (ay <= y) != (by <= y)
        inside ^= crosses & (x < ax + (y - ay) * (bx - ax) / (by - ay + (ay == by)))
    np.testing.assert_array_equal(corrected(corrections), inside)


def test_a_curved_stroke_has_no_gaps_and_undo_takes_all_of_it_back(page: Page, corrections: Corrections) -> None:
    page.open()
    page.set("size", 4)
    page.drag((60, 20), (75, 100), (90, 20), (64, 22))
    page.save()
    drawn = corrected(corrections)
    added = drawn & ~network_mask() & 1
    assert 4 * 180 < added.sum() < 4 * 300
    assert added[22:98].any(axis=1).all()  # the stroke is in each row
    page.keys("z")
    page.save()
    np.testing.assert_array_equal(corrected(corrections), network_mask())
    page.keys("y")
    page.save()
    np.testing.assert_array_equal(corrected(corrections), drawn)


def test_many_changes_are_undone_and_done_again(page: Page, corrections: Corrections) -> None:
    page.open()
    page.set("size", 5)
    states = []
    for row in range(10, 110, 20):
        page.drag((20, row), (130, row))
        page.save()
        states.append(corrected(corrections))
    for state in (*states[-2::-1], network_mask()):
        page.press("undo")
        page.save()
        np.testing.assert_array_equal(corrected(corrections), state)
    page.keys("z")
    assert page.status() == "There is nothing to undo."
    page.keys(*"y" * len(states))
    page.save()
    np.testing.assert_array_equal(corrected(corrections), states[-1])
    page.keys("z", "z")
    page.drag((0, 60), (150, 60))  # a change after undoing: nothing can be done again
    assert not page.driver.find_element(By.CSS_SELECTOR, "[data-act=redo]").is_enabled()


def test_a_hole_is_filled_and_an_island_removed(page: Page, corrections: Corrections) -> None:
    expected = network_mask()
    page.open()
    page.keys("x")
    page.click((25, 40), (45, 40), (45, 60), (25, 60))
    page.keys(Keys.ENTER, "f")
    page.click((75, 5))
    assert "no hole" in page.status()
    page.click((35, 50))
    assert page.status() == "The hole was filled."
    page.keys("d")
    page.click((WIDTH // 2 + 1, 11 * HEIGHT // 12 + 1))
    assert page.status() == "The piece was removed."
    page.save()
    expected[11 * HEIGHT // 12 :] = 0
    np.testing.assert_array_equal(corrected(corrections), expected)


def test_all_by_the_keyboard(page: Page, corrections: Corrections) -> None:
    """From the middle of the picture: a stroke to the right, a polygon, and closing."""
    expected = network_mask()
    page.open()
    page.set("size", 8)  # arrows go by half of it
    page.keys(Keys.ENTER, *[Keys.ARROW_RIGHT] * 3, Keys.ENTER)
    expected[brushed(60, 75, 87, 8)] = 1
    page.keys("x", *[Keys.ARROW_UP] * 5, Keys.ENTER, *[Keys.ARROW_RIGHT] * 6, Keys.ENTER)
    page.keys(*[Keys.ARROW_DOWN] * 4, Keys.ENTER, *[Keys.ARROW_LEFT] * 6, Keys.ENTER, Keys.ENTER)
    expected[boxed(87, 40, 111, 56)] = 0
    page.keys("s")
    page.wait(lambda: page.status().startswith("Saved"))
    np.testing.assert_array_equal(corrected(corrections), expected)
    page.keys(Keys.ESCAPE)
    assert not page.driver.find_elements(By.CSS_SELECTOR, ".lung-editor")


def test_the_page_shows_what_was_saved_and_opens_it_again(page: Page, corrections: Corrections) -> None:
    page.open()
    before = page.run("return data.records.find((record) => record.number === 0).outline")
    page.drag((60, 60), (90, 60))
    page.save()
    after = page.run("return data.records.find((record) => record.number === 0).outline")
    assert after != before
    assert page.run("return marks.get('ward/a.png').mark") == "corrected"
    told = "return document.getElementById('reasons').textContent"
    assert "outline is that of the corrected mask" in page.run(told)
    saved = corrected(corrections)
    page.press("close")
    page.server.show(draw_page(corrections))  # as after a restart
    open_page(page.driver, page.server.url)
    assert page.run("return data.records.find((record) => record.number === 0).outline") == after
    page.open()
    assert "outline is that of the corrected mask" in page.run(told)
    assert "corrected before" in page.status()
    page.keys("e")
    page.drag((60, 60), (90, 60))
    page.keys("z")
    page.save()
    np.testing.assert_array_equal(corrected(corrections), saved)
    page.press("reset")
    page.wait(lambda: "network's mask" in page.status())
    page.save()
    np.testing.assert_array_equal(corrected(corrections), network_mask())


def test_a_turned_radiograph_is_drawn_on_upright_and_saved_as_it_is_stored(
    page: Page, corrections: Corrections
) -> None:
    page.open(NAMES[1])
    page.keys("x")
    page.click((0, 0), (75, 0), (75, 119), (0, 119))
    page.keys(Keys.ENTER)
    page.save()
    expected = network_mask()
    expected[:119, 75:] = 0  # what is on the left upright is stored on the right
    np.testing.assert_array_equal(corrected(corrections, "b_mask.png"), expected)


def test_lungs_have_the_colours_of_their_sides(page: Page) -> None:
    right, left = [230, 159, 0, 255], [86, 180, 233, 255]
    page.open()
    assert (page.colour(30, 50), page.colour(105, 50), page.colour(75, 50)[3]) == (right, left, 0)
    page.keys("x")
    page.click((0, 0), (60, 0), (60, 119), (0, 119))
    page.keys(Keys.ENTER, "p")  # without the right lung, what is left of the middle counts as right
    page.click((85, 20), (100, 20), (100, 100), (50, 100), (50, 20))
    page.keys(Keys.ENTER)
    page.wait(lambda: (page.colour(60, 50), page.colour(105, 50)) == (right, left))
    page.keys("z", "z")
    page.wait(lambda: page.colour(30, 50) == right)
    page.press("close")  # without a question: all was undone
    page.open(NAMES[1])  # turned: the larger lung is on the right side now
    assert (page.colour(45, 50), page.colour(120, 90)) == (right, left)


def test_two_tabs_are_told_of_each_other(page: Page, corrections: Corrections) -> None:
    driver, first = page.driver, page.driver.current_window_handle
    page.open()
    driver.switch_to.new_window("tab")
    other = Page(driver, page.server)
    other.open()
    other.drag((60, 60), (90, 60))
    other.save()
    theirs = corrected(corrections)
    driver.switch_to.window(first)
    page.drag((60, 90), (90, 90))
    page.press("save")
    page.answer("load")
    page.wait(lambda: "was loaded" in page.status())
    page.keys("z")  # which brings back what was drawn here
    page.press("save")
    page.wait(lambda: page.status() == "Saved.")
    mine = corrected(corrections)
    assert (mine[90, 70], mine[60, 75]) == (1, 0)
    previous = np.asarray(Image.open(corrections.folder / ".previous/ward/a_mask.png")) > 0
    np.testing.assert_array_equal(previous, theirs)
    driver.switch_to.window(driver.window_handles[1])
    other.press("save")
    other.answer("replace")
    other.wait(lambda: other.status() == "Saved.")
    np.testing.assert_array_equal(corrected(corrections), theirs)
    driver.close()
    driver.switch_to.window(first)
    assert [log for log in driver.get_log("browser") if "412" not in log["message"]] == []


def test_changes_are_not_lost_by_closing(page: Page, corrections: Corrections) -> None:
    page.open()
    page.drag((60, 60), (90, 60))
    page.keys(Keys.ESCAPE)
    question = page.wait(lambda: page.driver.find_elements(By.CSS_SELECTOR, ".le-ask[open]"))[0]
    assert question.accessible_name == "There are changes that are not saved."
    page.answer("stay")
    assert page.driver.find_elements(By.CSS_SELECTOR, ".lung-editor")
    page.press("close")
    page.answer("save")
    page.wait(lambda: not page.driver.find_elements(By.CSS_SELECTOR, ".lung-editor"))
    assert corrected(corrections)[60, 75] == 1
    page.open()
    page.keys("z", "e")
    page.drag((60, 60), (90, 60))
    page.press("close")
    page.answer("discard")
    page.wait(lambda: not page.driver.find_elements(By.CSS_SELECTOR, ".lung-editor"))
    assert corrected(corrections)[60, 75] == 1


def test_a_server_that_is_gone_loses_no_drawing(chromium: webdriver.Chrome, corrections: Corrections) -> None:
    with served(corrections) as server:
        page = Page(chromium, server)
        page.open()
    page.drag((60, 60), (90, 60))
    page.press("save")
    page.wait(lambda: "does not answer" in page.status())
    assert page.run("return document.querySelector('.lung-editor').dataset.dirty") == "true"
    assert not corrections.folder.exists()
    again = Corrections(corrections.results)
    with served(again, server.server_port) as restarted:
        page = Page(chromium, restarted)
        result = again.results.find(0)
        again.save(result, network_mask() * 0, again.open(result).version)  # by somebody else, meanwhile
        page.open()
        assert "brought back" in page.status()
        page.press("save")
        page.answer("replace")
        page.wait(lambda: page.status().startswith("Saved"))
        assert corrected(again)[60, 75] == 1
        page.press("close")
        page.open()
        assert "corrected before" in page.status()
    chromium.get("about:blank")
    chromium.get_log("browser")


def touch(page: Page, kind: str, *points: tuple[float, float]) -> None:
    places = [page.screen(*point) for point in points]
    given = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": given})


def test_one_finger_draws_and_two_zoom(page: Page, corrections: Corrections) -> None:
    resize(page.driver, 390)
    page.open()
    assert page.run("return document.documentElement.scrollWidth") <= 390
    page.set("size", 6)
    touch(page, "touchStart", (60, 60))
    touch(page, "touchMove", (75, 60))
    touch(page, "touchMove", (90, 60))
    touch(page, "touchEnd")
    touch(page, "touchStart", (60, 90))
    touch(page, "touchMove", (80, 90))
    touch(page, "touchStart", (80, 90), (100, 90))  # a second finger: the stroke of the first was none
    touch(page, "touchMove", (60, 90), (120, 90))
    touch(page, "touchEnd")
    page.save()
    drawn = corrected(corrections)
    assert drawn[60, 60:90].all()
    assert not drawn[90, 60:90].any()


def test_what_is_drawn_while_it_is_saved_counts_as_not_saved(page: Page, corrections: Corrections) -> None:
    page.open()
    page.drag((60, 60), (90, 60))
    page.run(
        "const real = fetch; window.fetch = async (...given) => { const answer = await real(...given); "
        "await new Promise((go) => { window.go = go; }); return answer; }"
    )
    page.press("save")
    page.wait(lambda: page.run("return Boolean(window.go)"))
    page.keys("z")
    page.drag((60, 90), (90, 90))
    page.run("window.go()")
    page.wait(lambda: page.status() == "Saved.")
    assert page.run("return document.querySelector('.lung-editor').dataset.dirty") == "true"
    drawn = corrected(corrections)
    assert (drawn[60, 75], drawn[90, 75]) == (1, 0)


def test_closing_waits_for_what_is_being_saved(page: Page, corrections: Corrections) -> None:
    page.open()
    page.drag((60, 60), (90, 60))
    page.run(
        "const real = fetch; window.fetch = async (...given) => { "
        "await new Promise((go) => { window.go = go; }); return real(...given); }"
    )
    page.press("save")
    page.wait(lambda: page.run("return Boolean(window.go)"))
    page.keys(Keys.ESCAPE, Keys.ESCAPE)
    assert page.driver.find_elements(By.CSS_SELECTOR, ".le-ask[open]") == []
    page.run("window.go()")
    page.wait(lambda: not page.driver.find_elements(By.CSS_SELECTOR, ".lung-editor"))
    assert corrected(corrections)[60, 75] == 1


def test_a_line_that_is_not_closed_is_not_passed_over(page: Page, corrections: Corrections) -> None:
    page.open()
    page.keys("x")
    page.click((0, 0), (75, 0), (75, 119), (20, 20))
    page.press("save")
    assert "not closed" in page.status()
    page.keys("z")  # takes the last point back
    page.click((0, 119))
    page.keys(Keys.ENTER)
    page.save()
    expected = network_mask()
    expected[:119, :75] = 0
    np.testing.assert_array_equal(corrected(corrections), expected)
    page.click((100, 0), (120, 0))
    page.keys(Keys.ESCAPE, Keys.ESCAPE)  # the first drops the line, the second closes
    page.wait(lambda: not page.driver.find_elements(By.CSS_SELECTOR, ".lung-editor"))


def test_controls_have_names_and_the_keyboard_reaches_them(page: Page) -> None:
    page.open()
    names = page.run("""
        return [...document.querySelectorAll(".lung-editor :is(button, input, [tabindex])")].map((one) =>
          one.textContent.trim() || one.ariaLabel || one.labels?.[0]?.textContent.trim() || "");
    """)
    assert len(names) == 19
    assert "" not in names, names
    reached = set()
    for _ in range(22):
        page.keys(Keys.TAB)
        reached.add(page.run("return document.activeElement.textContent.trim() || document.activeElement.name"))
    assert {"Save", "Eraser", "opacity", "Close"} <= reached
    assert page.run("return document.activeElement.closest('.lung-editor') !== null")  # it stays in the dialog
    assert page.run("return document.querySelector('.le-status').ariaLive") == "polite"


def test_window_and_zoom_change_the_view_and_not_the_mask(page: Page, corrections: Corrections) -> None:
    page.open()
    page.keys("w")
    page.drag((40, 40), (100, 90))
    shown = page.run("return document.querySelector('.le-picture').style.filter")
    assert "le-window" in shown
    slope = float(page.run("return document.querySelector('feFuncR').getAttribute('slope')"))
    assert slope > 1
    page.keys("v")
    page.drag((40, 40), (60, 60))
    page.keys("+", "+", "h", "o", "0", "s")
    page.wait(lambda: page.status().startswith("Saved"))
    np.testing.assert_array_equal(corrected(corrections), network_mask())


def test_beside_a_pen_a_hand_draws_nothing(page: Page, corrections: Corrections) -> None:
    page.open()
    page.set("size", 6)
    for kind, x in (("mousePressed", 60), ("mouseMoved", 90), ("mouseReleased", 90)):
        across, down = page.screen(x, 60)
        event = {"type": kind, "x": across, "y": down, "button": "left", "buttons": 1, "clickCount": 1}
        page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event | {"pointerType": "pen"})
    touch(page, "touchStart", (60, 90))
    touch(page, "touchMove", (90, 90))
    touch(page, "touchEnd")
    page.save()
    drawn = corrected(corrections)
    assert drawn[60, 60:90].all()
    assert not drawn[90, 60:90].any()
