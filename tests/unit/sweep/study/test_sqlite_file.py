"""An SQLite storage that cannot be one: one line with the cause; nothing is made or changed."""

import os
import sqlite3

import pytest

from vael.errors import ConfigError, one_line
from vael.sweep.study.storage import connect_storage, locate_storage


def text(path):
    path.write_text("column\n1\n" * 50)


def folder(path):
    path.mkdir()


def nothing(path):
    """Leaves the path free."""


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("no/such/dir/s.db", nothing, "there is no folder"),
        ("there.db/s.db", nothing, "there is no folder"),
        ("d", folder, "it is a folder"),
        ("t.csv", text, "another format"),
        ("pipe", os.mkfifo, "no regular file"),
        ("null", lambda path: path.symlink_to("/dev/null"), "no regular file"),
        ("a" * 300, nothing, "File name too long"),
    ],
)
def test_a_path_that_can_be_no_database(tmp_path, name, make, said):
    (tmp_path / "there.db").touch()
    make(tmp_path / name)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match=said) as refused:
        connect_storage(locate_storage(f"sqlite:///{tmp_path}/{name}", tmp_path), tmp_path)
    assert "give sqlite:///FILE" in one_line(refused.value)
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("name", ["s.db", "new.db"])
def test_a_place_where_one_may_not_write(tmp_path, name):
    sqlite3.connect(tmp_path / "s.db").close()
    (tmp_path / "s.db").chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="written"):
            connect_storage(f"sqlite:///{tmp_path}/{name}", tmp_path)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "url", ["sqlite:///:memory:", "sqlite:///file:x.db?mode=ro&uri=true", "sqlite:///a\0b.db"]
)
def test_what_names_no_file_for_all_workers(tmp_path, url):
    with pytest.raises(ConfigError, match="give sqlite:///FILE"):
        locate_storage(url, tmp_path)


@pytest.mark.parametrize("url", ["redis://localhost:6379", "journal:///x", "http://x/y"])
def test_a_kind_of_storage_that_nobody_knows(tmp_path, url):
    with pytest.raises(ConfigError, match="not known: give journal, sqlite:///FILE or"):
        connect_storage(locate_storage(url, tmp_path), tmp_path)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate_storage("sqlite:///~/s.db", tmp_path) == f"sqlite:///{tmp_path.resolve()}/s.db"


def test_an_empty_file_and_a_database_of_others_are_used(tmp_path):
    (tmp_path / "empty.db").touch()
    connect_storage(f"sqlite:///{tmp_path}/empty.db", tmp_path)
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table mine (a)")
        other.execute("insert into mine values (7)")
    connect_storage(f"sqlite:///{tmp_path}/other.db", tmp_path)
    with sqlite3.connect(tmp_path / "other.db") as other:
        assert other.execute("select a from mine").fetchall() == [(7,)]
