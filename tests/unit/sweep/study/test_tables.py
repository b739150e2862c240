"""A storage whose tables are not there yet, and several who make them at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy.exc import OperationalError

from vael.errors import ConfigError
from vael.sweep.study import database, storage

NODES = 4


@pytest.mark.parametrize("attempt", range(4))
def test_several_nodes_may_make_the_tables_at_once(attempt, tmp_path):
    url, together = f"sqlite:///{tmp_path}/new.db", Barrier(NODES)

    def connect(_: int) -> list[str]:
        together.wait()
        kept = storage.connect_storage(url, tmp_path)
        return [study.study_name for study in kept.get_all_studies()]

    with ThreadPoolExecutor(NODES) as nodes:
        assert list(nodes.map(connect, range(NODES))) == [[]] * NODES


def test_tables_that_never_come_to_be_are_given_up(tmp_path, monkeypatch):
    tried = []

    class Broken:
        def __init__(self, *_: object) -> None:
            tried.append(1)
            raise OperationalError("CREATE TABLE studies", {}, Exception("it already exists"))

    monkeypatch.setattr(database, "RDBStorage", Broken)
    monkeypatch.setattr(database.time, "sleep", lambda seconds: None)
    with pytest.raises(ConfigError, match=r"cannot be used: .*it already exists"):
        storage.connect_storage(f"sqlite:///{tmp_path}/new.db", tmp_path)
    assert len(tried) == database.TABLE_TRIES
