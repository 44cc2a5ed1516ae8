"""A terminal's screen as a picture: letters in matplotlib's own DejaVu Sans Mono, blocks and braille as geometry."""

from functools import cache
from pathlib import Path

import matplotlib
import pyte
from PIL import Image, ImageDraw, ImageFont
from pyte.screens import Char

CELL = (10, 20)
"""Pixels of a cell, width and height: whole halves and quarters, so that blocks meet without a seam."""
FONT_SIZE = 16
FOREGROUND, BACKGROUND = "dcdfe4", "16181b"
NAMED = {"black": "000000", "red": "cd3131", "green": "0dbc79", "brown": "e5e510", "blue": "2472c8"}
NAMED |= {"magenta": "bc3fbc", "cyan": "11a8cd", "white": "e5e5e5"}
# Unicode's braille bits, from the lowest: column and row of the dot.
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))


def picture(screen: pyte.Screen) -> Image.Image:
    """Draw what stands on the screen."""
    width, height = CELL
    image = Image.new("RGB", (screen.columns * width, screen.lines * height), f"#{BACKGROUND}")
    draw = ImageDraw.Draw(image)
    for row in range(screen.lines):
        for column in range(screen.columns):
            _draw_cell(draw, screen.buffer[row][column], column * width, row * height)
    return image


def _draw_cell(draw: ImageDraw.ImageDraw, cell: Char, x: int, y: int) -> None:
    width, height = CELL
    front, back = _colour(cell.fg, FOREGROUND), _colour(cell.bg, BACKGROUND)
    if cell.reverse:
        front, back = back, front
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill=back)
    code = ord(cell.data[0]) if cell.data else ord(" ")
    if 0x2800 <= code <= 0x28FF:
        for bit, (column, row) in enumerate(DOTS):
            if code >> bit & 1:
                left, top = x + column * width // 2 + 1, y + row * height // 4 + 1
                draw.ellipse((left, top, left + 2, top + 2), fill=front)
    elif cell.data in "▀▄█▌▐":
        left, right = (width // 2 if cell.data == "▐" else 0), (width // 2 if cell.data == "▌" else width)
        top, bottom = (height // 2 if cell.data == "▄" else 0), (height // 2 if cell.data == "▀" else height)
        draw.rectangle((x + left, y + top, x + right - 1, y + bottom - 1), fill=front)
    elif cell.data in "─━":
        draw.rectangle((x, y + height // 2 - (cell.data == "━"), x + width - 1, y + height // 2), fill=front)
    elif cell.data != " ":
        draw.text((x, y), cell.data, font=_font(cell.bold), fill=front)


def _colour(name: str, default: str) -> str:
    return f"#{default if name == 'default' else NAMED.get(name.removeprefix('bright'), name)}"


@cache
def _font(bold: bool) -> ImageFont.FreeTypeFont:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / f"DejaVuSansMono{'-Bold' if bold else ''}.ttf", FONT_SIZE)
