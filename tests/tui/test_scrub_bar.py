"""The bar of a film: the lowest PSNR in each column, and the frame that each column stands for."""

import pytest

from vidpred_tui.app import VidpredApp
from vidpred_tui.widgets.scrub_bar import BARS, CURSOR, ScrubBar, bars


def test_bars_show_the_lowest_value_of_each_column() -> None:
    assert bars([0.0, 7.0, 3.5], 3) == BARS[0] + BARS[7] + BARS[4]
    assert bars([9.0, 2.0, 9.0, 9.0, 9.0, 7.0], 3) == BARS[0] + BARS[7] + BARS[5]
    assert bars([1.0, 2.0], 4) == BARS[0] * 2 + BARS[7] * 2
    assert bars([float("nan"), 5.0, 1.0, float("inf")], 4) == BARS[0] + BARS[7] + BARS[0] + BARS[0]
    assert bars([3.0, 3.0], 2) == BARS[7] * 2
    assert bars([float("nan")], 2) == BARS[7] * 2


@pytest.mark.parametrize("frames", [1, 2, 7, 78, 79, 629, 5000])
async def test_every_column_of_the_scrub_bar_belongs_to_the_frame_it_shows(app: VidpredApp, frames: int) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        bar = ScrubBar(id="probe")
        await app.screen.mount(bar)
        bar.show([float(index) for index in range(frames)])
        await pilot.pause()
        for column in range(bar.size.width):
            bar.move(bar.frame_at(column))
            assert str(bar.render())[column] == CURSOR
        for number in (1, frames):
            bar.move(number)
            assert str(bar.render())[0 if number == 1 else -1] == CURSOR
