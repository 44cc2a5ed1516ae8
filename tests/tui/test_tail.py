"""Following a log file."""

from pathlib import Path

from vidpred_tui.tail import LINES_KEPT, LogTail


def test_a_tail_grows_line_by_line_and_knows_when_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    tail = LogTail(path)
    assert not tail.read_new()
    path.write_bytes(b"one\ntw")
    assert tail.read_new()
    assert tail.lines() == ("one", "tw")
    assert not tail.read_new()
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    assert tail.read_new()
    assert tail.lines() == ("one", "two", "three")


def test_a_progress_bar_shows_as_its_newest_state_without_escape_codes(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"epoch 1:  10%\repoch 1:  \x1b[32m90%\x1b[0m\x07\repoch 1: 100%\r\nepoch 2:   0%\repoch 2:  50%")
    tail = LogTail(path)
    tail.read_new()
    assert tail.lines() == ("epoch 1: 100%", "epoch 2:  50%")


def test_a_character_split_between_two_reads_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    tail = LogTail(path)
    path.write_bytes("Größe β".encode()[:-1])
    tail.read_new()
    with path.open("ab") as file:
        file.write("β".encode()[-1:])
    tail.read_new()
    assert tail.lines() == ("Größe β",)


def test_a_file_that_was_cut_starts_anew_and_a_long_one_keeps_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    tail = LogTail(path)
    path.write_text("".join(f"line {number}\n" for number in range(20_000)))
    tail.read_new()
    assert len(tail.lines()) == LINES_KEPT
    assert tail.lines()[-1] == "line 19999"
    path.write_text("new\n")
    tail.read_new()
    assert tail.lines() == ("new",)
