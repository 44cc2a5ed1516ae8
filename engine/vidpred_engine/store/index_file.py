"""How TinyDB keeps an index of runs: one JSON file that is replaced whole, with run ids as document ids."""

import errno
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tinydb
from tinydb.table import Table

from vidpred_engine.errors import NewerFormatError
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.store.reading import read_whole

FORMAT = 1

Tables = dict[str, dict[str, Any]]


class AtomicStorage(tinydb.storages.Storage):
    """Reads and writes a whole TinyDB file, replacing it atomically; beside the tables the file holds its format."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Tables | None:
        """The tables of the file, None where there is none yet.

        Raises ValueError where it is damaged, and OSError where it cannot be read, also as its format is one to come:
        whoever can do without the index goes on.
        """
        try:
            content = read_whole(self._path, largest=None)
        except FileNotFoundError:
            return None
        tables: Tables = codec.decode(content)
        try:
            codec.check_format(tables, FORMAT)
        except NewerFormatError as error:
            raise OSError(errno.ENOTSUP, str(error), str(self._path)) from None
        tables.pop("format", None)
        if not all(isinstance(table, dict) and all(map(_is_document, table.values())) for table in tables.values()):
            raise ValueError("it holds something else than tables")
        return tables

    def write(self, data: Tables) -> None:
        """Replace the file; a document that cannot be written, as it nests too deep, hides only itself."""
        try:
            content = codec.encode({"format": FORMAT, **data})
        except (TypeError, RecursionError):
            content = codec.encode({"format": FORMAT, **{name: _writable(table) for name, table in data.items()}})
        write_atomic(self._path, content)


def _is_document(value: Any) -> bool:
    return isinstance(value, dict)


def _writable(table: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, document in table.items():
        with suppress(TypeError, RecursionError):
            codec.encode(document)
            kept[key] = document
    return kept


class RunTable(Table):
    """A TinyDB table whose document ids are run ids, so that there is no next id to race for.

    TinyDB reads and writes the file once a document; these methods do it once for all of them.
    """

    document_id_class = str  # type: ignore[assignment]
    default_query_cache_capacity = 0

    def put(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        """Add or replace documents."""
        self._update_table(lambda table: table.update(documents))  # type: ignore[arg-type]

    def drop(self, run_ids: Iterable[str]) -> None:
        """Take documents out, where they are there."""
        gone = set(run_ids)

        def keep_others(table: dict[Any, Any]) -> None:
            for run_id in gone & table.keys():
                del table[run_id]

        self._update_table(keep_others)
