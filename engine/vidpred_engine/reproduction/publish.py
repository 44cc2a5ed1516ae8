"""The result folder: figures, their numbers, the table and every experiment's settings, from whatever there is."""

from pathlib import Path

from vidpred_engine.reproduction.drawing import draw_courses, draw_psnr
from vidpred_engine.reproduction.figures import FIGURE_1, FIGURE_2, course_csv, psnr_csv
from vidpred_engine.reproduction.results import Result, read_results
from vidpred_engine.reproduction.table import markdown, results_values
from vidpred_engine.settings_toml import to_toml
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic


def publish(folder: Path) -> list[Result]:
    """Write the result folder anew from its runs, each file atomically; returns what was found.

    The same runs give the same bytes.
    """
    results = read_results(folder)
    (folder / "settings").mkdir(parents=True, exist_ok=True)
    for figure in (FIGURE_1, FIGURE_2):
        write_atomic(folder / f"{figure.name}.csv", course_csv(figure, results).encode())
        draw_courses(folder / f"{figure.name}.png", figure, results)
    write_atomic(folder / "figure3.csv", psnr_csv(results).encode())
    draw_psnr(folder / "figure3.png", results)
    for result in results:
        if result.trained is not None:
            write_atomic(
                folder / "settings" / f"{result.experiment.key}.toml", to_toml(result.trained.settings).encode()
            )
    write_atomic(folder / "results.json", codec.encode(results_values(results), indent=True))
    write_atomic(folder / "results.md", markdown(results).encode())
    return results
