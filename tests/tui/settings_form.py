"""The form of a new run, as tests see it."""

from textual.pilot import Pilot
from textual.widgets import Input, Static

from tui.fake_runs import until
from vidpred_tui.app import VidpredApp
from vidpred_tui.screens.settings import SettingsScreen
from vidpred_tui.widgets.setting_field import SettingField


def text(app: VidpredApp, selector: str) -> str:
    """What stands there, nothing while there is no such widget."""
    return "".join(str(found.render()) for found in app.screen.query(selector).results(Static))


def field(app: VidpredApp, name: str) -> Input:
    return app.screen.query_one(f"#field-{name}", Input)


async def open_form(app: VidpredApp, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: app.entries or app.screen.query("#empty"))
    await pilot.press("n")
    await until(pilot, lambda: isinstance(app.screen, SettingsScreen))


def shown_fields(app: VidpredApp) -> list[str]:
    return [found.setting.name for found in app.screen.query(SettingField) if found.display]


def read_typed(app: VidpredApp) -> dict[str, object]:
    """What stands in the form, without the name."""
    values = {found.setting.name: found.value for found in app.screen.query(SettingField)}
    return {name: value for name, value in values.items() if name != "name"}


# Nothing typed is lost.
