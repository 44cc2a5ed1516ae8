"""The filter language: a table of meanings written out by hand, sentences for faults, and no text that crashes it."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vidpred_engine.settings import describe_settings
from vidpred_engine.store.filter_completion import completed_filter
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_fields import named_fields, run_fields, sorted_by
from vidpred_engine.store.run_filter import FilterError, Predicate, parse_filter

HOUR, DAY = 3600.0, 86400.0
NOW = 100 * DAY

RUNS = {
    "a": RunEntry(
        "20260101-000000-alpha-0001", "Alpha One", NOW - 30 * 60, "running", 3, 70, 300, 90 * 60.0, "",
        {"lr": 0.001, "latent": False, "optimizer": "adamw", "epochs": 70},
        {"loss": 0.5, "psnr": 29.0, "best_psnr": 31.5, "kl": 4.0, "repeat_first": 21.0, "mean_frame": 24.0},
        ("kl", "paper"), "the first idea", True,
    ),
    "b": RunEntry(
        "20260102-000000-beta-0002", "beta", NOW - 5 * HOUR, "finished", 5, 5, 50, 0.0, "",
        {"epochs": 5, "lr": 1e-5, "data": "/data/lab4"},
        {"loss": "nan", "psnr": 20.0, "best_psnr": 20.0, "repeat_first": 21.0, "mean_frame": 18.0},
        ("sweep",), "",
    ),
    "c": RunEntry(
        "20260103-000000-gamma-0003", "", NOW - 3 * DAY, "failed", 0, 10, 0, None, "loss is NaN",
        {"epochs": 10, "loss": "l1+mse"}, {}, (), "Second Idea",
    ),
}  # fmt: skip

MEANINGS = [
    ("", "abc"),
    ("   \t ", "abc"),
    # Words: in id, name, tags and note, whatever their case.
    ("alpha", "a"),
    ("ALPHA", "a"),
    ("0002", "b"),
    ("sweep", "b"),
    ("idea", "ac"),
    ("idea first", "a"),
    ("beta|gamma", "bc"),
    ('"first idea"', "a"),
    ('"idea first"', ""),
    ("-idea", "b"),
    ("!idea", "b"),
    ("-beta|gamma", "a"),
    ("finished", ""),
    # Choices.
    ("state:running", "a"),
    ("state=RUNNING", "a"),
    ("state!=running", "bc"),
    ("-state:running", "bc"),
    ("-state!=running", "a"),
    ("state:running|failed", "ac"),
    ("optimizer:adamw", "a"),
    ("optimizer:adam", "bc"),
    # Text: a colon contains, an equals sign is the whole.
    ("name:alpha", "a"),
    ("name=alpha", ""),
    ('name="alpha one"', "a"),
    ("name:gamma", "c"),  # a run without a name is shown by its id
    ("note:idea", "ac"),
    ('note=""', "b"),
    ("cause:nan", "c"),
    ("id:2026010", "abc"),
    ("data:lab4", "b"),
    ("data=synthetic", "ac"),
    # Tags and switches.
    ("tag:kl", "a"),
    ("tag:KL", "a"),
    ("tag:k", ""),
    ("-tag:kl", "bc"),
    ("tag:kl|sweep", "ab"),
    ("tag!=kl", "bc"),
    ("star:on", "a"),
    ("star:no", "bc"),
    ("latent:off", "a"),
    ("latent:true", "bc"),
    # Settings: those not named in `changed` have the defaults: lr 1e-4, batch_size 4, epochs 70.
    ("lr<1e-3", "bc"),
    ("lr<=1e-3", "abc"),
    ("lr:1e-4", "c"),
    ("lr=0.0001", "c"),
    ("lr!=1e-4", "ab"),
    ("epochs>=10", "ac"),
    ("batch_size:4", "abc"),
    ("batch-size:4", "abc"),
    ("Batch_Size>4", ""),
    ("lr:1e-3|1e-5", "ab"),
    # Figures: missing ones compare with nothing, NaN only with nan.
    ("psnr>30", ""),
    ("best_psnr>30", "a"),
    ("best_psnr<=31.5", "ab"),
    ("-best_psnr>30", "bc"),
    ("best_psnr!=20", "ac"),
    ("psnr>-3", "ab"),
    ("kl=4", "a"),
    ("loss<1", "a"),
    ("loss:nan", "b"),
    ("loss:l1+mse", "c"),  # a figure and a setting share the name
    ("loss:mse", "ab"),
    ("loss>inf", ""),
    ("repeat_first:21", "ab"),
    ("mean_frame<20", "b"),
    ("baseline:24", "a"),
    ("baseline:21", "b"),
    ("epoch>=3", "ab"),
    ("step<100", "bc"),
    # Times.
    ("age<1h", "a"),
    ("age<31m", "a"),
    ("age>4h", "bc"),
    ("age>2d", "c"),
    ("age<1w", "abc"),
    ("age<1800.5s", "a"),
    ("eta<2h", "a"),
    ("eta>2h", ""),
    ("-eta>2h", "abc"),
    # Spaces around an operator.
    ("best_psnr > 30", "a"),
    ("best_psnr >30", "a"),
    ("best_psnr> 30", "a"),
    ("lr< 1e-3", "bc"),
    ("lr \t<=  1e-3", "abc"),
    ("psnr > -3", "ab"),
    ("state : running|failed", "ac"),
    ("state != running", "bc"),
    ("-state = running", "bc"),
    ('name = "alpha one"', "a"),
    ("idea best_psnr > 30 tag: kl -state:failed", "a"),
    ("idea -lr > 1e-4", "c"),
    ('"idea" "first"', "a"),
    ('-"psnr > 30"', "abc"),
    ('note:">"', ""),
    # All terms must hold.
    ("state:running lr<1e-2 tag:kl psnr>20 alpha", "a"),
    ("state:running tag:sweep", ""),
    ("idea -state:failed", "a"),
]


@pytest.mark.parametrize(("text", "expected"), MEANINGS)
def test_what_a_filter_means(text: str, expected: str) -> None:
    matches = parse_filter(text)
    assert "".join(key for key, entry in RUNS.items() if matches(entry, NOW)) == expected


FAULTS = [
    ("stat:running", 1, "there is no 'stat' to filter by; did you mean 'state'?"),
    ("lr<1 epocs>2", 6, "there is no 'epocs' to filter by; did you mean 'epochs'?"),
    ("tfr<1", 1, "there is no 'tfr' to filter by; did you mean 'teacher_forcing'?"),
    ("qqq:1", 1, "there is no 'qqq' to filter by; put the word in quotes to look for it."),
    ("-stat:x", 2, "there is no 'stat' to filter by; did you mean 'state'?"),
    ("state:runing", 7, "'state' is never 'runing'; did you mean 'running'?"),
    ("state:running|x", 15, "'state' is never 'x'; it is one of created, queued"),
    ("latent:maybe", 8, "'latent' is never 'maybe'; it is one of on, off"),
    ("lr<abc", 4, "'lr' is compared with a number; 'abc' is none."),
    ("lr<", 4, "a value is missing."),
    ("lr < ", 6, "a value is missing."),
    ("tag: state:failed", 6, "a value is missing."),
    ("note: -psnr > 3", 7, "a value is missing."),
    ("name = = beta", 8, "a value is missing."),
    ("> 20", 1, "a name is missing before '>', as psnr in psnr>30; or use quotes."),
    ("<=20", 1, "a name is missing before '<=',"),
    ("!=20", 1, "a name is missing before '!=',"),
    ("-:beta", 2, "a name is missing before ':',"),
    ("idea 20 > lr", 9, "a name is missing before '>',"),
    ('"psnr" > 30', 8, "a name is missing before '>',"),
    ("lr > abc", 6, "'lr' is compared with a number; 'abc' is none."),
    ("a|", 3, "a value is missing."),
    ("a||b", 3, "a value is missing."),
    ("-", 2, "a value is missing."),
    ('x "never', 3, "this quote is never closed."),
    ('name:"never', 6, "this quote is never closed."),
    ("age<2", 5, "'age' is compared with a time such as 90s, 15m, 3h, 2d or 1w; '2' is none."),
    ("age:2d", 5, "'age' is compared with < or >, as in age<2d."),
    ("name<b", 6, "'name' has no order; compare it with : as in name:word."),
    ("tag>=b", 6, "'tag' has no order; compare it with : as in tag:word."),
    ("loss:l2", 6, "'loss' is compared with a number; 'l2' is none."),
]


@pytest.mark.parametrize(("text", "position", "sentence"), FAULTS)
def test_faults_are_one_sentence_with_their_place(text: str, position: int, sentence: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert caught.value.position == position
    assert str(caught.value).startswith(f"At character {position}: {sentence}")
    assert "\n" not in str(caught.value)


def test_every_setting_and_figure_can_be_asked_for() -> None:
    names = {field.name for field in run_fields()}
    assert {setting.name for setting in describe_settings()} <= names
    assert {"psnr", "best_psnr", "loss", "kl", "repeat_first", "mean_frame", "epoch", "age", "tag", "state"} <= names


NAMES = ["state", "lr", "tag", "age", "name", "loss", "latent"]
SIGNS = [":", "=", "!=", "<", ">=", "|", '"', "-", "!", " ", "\t", "\u2028", "\x00"]
VALUES = ["1e-3", "running", "2d", "kl", "nan", "inf", "[bold]", "é", "x" * 300]
WORDS = st.sampled_from([*NAMES, *SIGNS, *VALUES])


def understood(text: str) -> Predicate | None:
    try:
        return parse_filter(text)
    except FilterError as error:
        fault = error
    assert 1 <= fault.position <= len(text) + 1
    assert len(str(fault)) < 300
    return None


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), st.lists(WORDS).map("".join)))
@example('"')
@example("a:" + "b|" * 5000)
def test_no_text_crashes_it(text: str) -> None:
    completion = completed_filter(text, list(RUNS.values()))
    assert completion is None or (completion.startswith(text) and len(completion) > len(text))
    matches = understood(text)
    if matches is None:
        return
    inverted = parse_filter(f"-{text}") if text and not text[0].isspace() and text[0] not in "-!" else None
    for entry in RUNS.values():
        assert matches(entry, NOW) in (True, False)
        if inverted is not None and not any(character.isspace() for character in text):
            assert inverted(entry, NOW) is not matches(entry, NOW)


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("sta", "state:"),
        ("STA", "STAte:"),
        ("-sta", "-state:"),
        ("state:r", "state:running"),
        ("state:failed|fin", "state:failed|finished"),
        ("lr<1 ta", "lr<1 tag:"),
        ("tag:p", "tag:paper"),
        ("batch", "batch_size"),
        ("optimizer=ada", "optimizer=adam"),
        ("latent:o", "latent:on"),
        ("name:be", "name:beta"),
        ("state: r", "state: running"),
        ("idea -state : failed|fin", "idea -state : failed|finished"),
        ("lr < 1 ta", "lr < 1 tag:"),
        ("lr < ta", None),
        ("name:al", None),  # Alpha One would need quotes
        ("state:", None),
        ("tag:kl", None),
        ("lr<", None),
        ("", None),
        ("state:running ", None),
        ('"sta', None),
    ],
)
def test_what_is_begun_is_completed(text: str, completed: str | None) -> None:
    assert completed_filter(text, list(RUNS.values())) == completed


def order(name: str, *, descending: bool) -> str:
    keys = {entry.run_id: key for key, entry in RUNS.items()}
    (field, *_) = named_fields(name)
    return "".join(keys[entry.run_id] for entry in sorted_by(RUNS.values(), field, NOW, descending=descending))


@pytest.mark.parametrize(
    ("name", "up", "down"),
    [
        ("lr", "bca", "acb"),
        ("best_psnr", "bac", "abc"),  # what is missing is last, both ways
        ("loss", "abc", "abc"),  # NaN before what is missing, after all numbers
        ("age", "abc", "cba"),
        ("name", "cab", "bac"),  # by what is shown: the id of a run without a name
        ("state", "abc", "cba"),  # in the order of a run's life
        ("tag", "abc", "bac"),
        ("star", "bca", "abc"),
        ("batch_size", "abc", "abc"),  # equal ones stay as they are
        ("eta", "abc", "abc"),
    ],
)
def test_sorting_is_by_value_and_what_is_missing_comes_last(name: str, up: str, down: str) -> None:
    assert order(name, descending=False) == up
    assert order(name, descending=True) == down


def test_values_of_the_wrong_kind_in_an_entry_are_taken_as_missing() -> None:
    odd = replace(RUNS["a"], changed={"lr": "fast", "latent": 7}, summary={"loss": [1], "psnr": {}}, state="sleeping")
    for text in ("lr<1", "loss<1", "psnr:1", "state:running", "latent:on"):
        assert parse_filter(text)(odd, NOW) is False
    assert all(len(sorted_by([odd, RUNS["b"]], field, NOW, descending=True)) == 2 for field in run_fields())
