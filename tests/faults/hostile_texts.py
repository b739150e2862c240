"""Tables as people save them, each with what must be read of it, or with one fault."""

import csv
import io
import random

import numpy as np
from faults.hostile import explore, trained_step
from faults.hostile_arrays import base
from hypothesis import strategies as st
from omegaconf import OmegaConf

from vael.data.decode.marks import USUAL
from vael.data.sources.array import ArrayFile

ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252")
LABELS = {  # values in the order of their classes, and how they are written
    "text": (["b", "kind-c", "ä"], str),
    "whole": ([0, 1, 2], str),
    "truth": ([False, True], str),
    "from one": ([1, 2, 3], str),
    "sparse": ([0, 100_000, 1_900_000], str),
    "float": ([0.0, 1.0, 2.0], str),
    "signs": ([-1, 1], str),
    "long": ([2**60, 2**60 + 1], str),
}
FAULTS = (
    *("ragged", "word", "twice", "hole", "label gap", "no such label", "inf", "huge", "percent"),
    *("quote", "nul", "fraction", "empty", "names only", "offset", "nameless", "date"),
)
CASE = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "width": st.integers(1, 4),
        "rows": st.integers(12, 18),
        "names": st.sampled_from([None, "words", "words", "counted", "years"]),
        "index": st.sampled_from([None, None, "", "Unnamed: 0"]),
        "label": st.sampled_from([None, None, *LABELS]),
        "category": st.sampled_from([None, None, "red", "7", "é è"]),
        "mark": st.sampled_from([*USUAL, "-999", "--", ".", "unknown"]),
        "holes": st.integers(0, 3),
        "missing": st.sampled_from(["mean", "median"]),
        "constant": st.sampled_from([None, None, "keep", "drop"]),
        "comma": st.sampled_from([",", ";", "\t", "|", " "]),
        "decimal": st.sampled_from([".", ".", ","]),
        "encoding": st.sampled_from(ENCODINGS),
        "end": st.sampled_from(["\n", "\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "more": st.sampled_from(
            [None, None, "blank lines", "empty rows", "empty end", "comment", "sep", "no end"]
        ),
        "suffix": st.sampled_from(["csv", "tsv", "txt", "data", "dat"]),
        "header": st.sampled_from(["auto", "auto", "said"]),
        "fault": st.one_of(st.none(), st.none(), st.sampled_from(FAULTS)),
    }
)


class Table:
    """One table: its cells, its truth, and the options that read it."""

    def __init__(self, case):
        self.case = case
        rng = self.rng = np.random.default_rng(case["seed"])
        rows, width = case["rows"], case["width"]
        if case["comma"] == ",":  # a decimal comma is one only beside another separator
            case["decimal"] = "."
        self.mark = case["mark"]
        x = rng.normal(0, 10, (rows, width)).round(3) + 0.0005
        if case["constant"]:
            x = np.column_stack([x, np.full(rows, 2.25)])
        holes = rng.permutation(rows)[: case["holes"]]
        x[holes, rng.integers(0, width, len(holes))] = np.nan
        self.columns = [
            (f"n{at}", [self.number(value) for value in column], column[:, None], None)
            for at, column in enumerate(x.T)
        ]
        self.y, self.notes = None, []
        if case["category"]:
            self.columns.append(self.categories())
        if case["label"]:
            self.columns.append(self.labels())
        random.Random(case["seed"]).shuffle(self.columns)
        self.name()
        if case["index"] is not None and case["names"]:
            start = int(rng.integers(0, 2))
            cells = [str(start + at) for at in range(rows)]
            self.columns.insert(0, (case["index"], cells, None, "index"))
            self.notes.append("it is left out")

    def number(self, value):
        """A cell of a number."""
        if np.isnan(value):
            return self.mark
        text = f"{value:.4f}"
        return text.replace(".", self.case["decimal"])

    def categories(self):
        """A column of categories, of which some may be missing."""
        values = [self.case["category"], "blue", "green"]
        cells = [values[at] for at in np.arange(self.case["rows"]) % 3]
        if self.case["holes"]:
            cells[-1] = self.mark
        plain = np.array(["" if cell == self.mark else cell for cell in cells])
        known, which = np.unique(plain, return_inverse=True)
        return "colour", cells, np.eye(len(known))[which], list(known)

    def labels(self):
        """A column of labels, and the classes that they are."""
        values, text = LABELS[self.case["label"]]
        self.y = np.arange(self.case["rows"]) % len(values)
        if self.case["label"] in ("from one", "sparse", "signs"):
            self.notes.append("are the classes 0, 1")
        return "kind", [text(values[at]) for at in self.y], None, "label"

    def name(self):
        """The names of the columns, by what the case says."""
        names = {
            None: [str(at) for at in range(len(self.columns))],
            "words": [column[0] for column in self.columns],
            "counted": [str(at) for at in range(len(self.columns))],
            "years": [str(2001 + at) for at in range(len(self.columns))],
        }[self.case["names"]]
        self.columns = [(n, *column[1:]) for n, column in zip(names, self.columns, strict=True)]

    @property
    def options(self):
        """What reads this table."""
        case, options = self.case, {}
        if case["label"]:
            options["label_key"] = next(n for n, _, _, kind in self.columns if kind == "label")
        if case["category"]:
            options["categorical"] = [
                n for n, _, _, kind in self.columns if isinstance(kind, list)
            ]
        if case["holes"]:
            options["missing"] = case["missing"]
        if self.mark not in USUAL:
            options["missing_marks"] = [-999 if self.mark == "-999" else self.mark]
        if case["constant"] == "drop":
            options["constant"] = "drop"
        # three cells that count, or a few words beside words, may be either; then it is said
        unclear = case["names"] in ("counted", "years") or case["names"] is None
        if case["header"] == "said" or unclear:
            options["header"] = case["names"] is not None
        return options

    def expected(self):
        """Names and values of the columns, as they must be read."""
        names, parts = [], []
        for name, _, values, kind in self.columns:
            if values is not None:
                parts.append(values)
                names += [f"{name}={k}" for k in kind] if isinstance(kind, list) else [name]
        return tuple(names), np.concatenate(parts, 1).astype(np.float32)

    def spoil(self, options):
        """Put the fault in; False where this table cannot have it."""
        fault, case = self.case["fault"], self.case
        at = int(self.rng.integers(2, case["rows"] - 1))
        number = next(i for i, c in enumerate(self.columns) if c[3] is None and c[2] is not None)
        name, cells, values, kind = self.columns[number]
        cells = list(cells)
        put = {"word": "abc", "inf": "inf", "huge": "1e39", "percent": "12%", "date": "2001-02-03"}
        if fault in put:
            cells[at] = put[fault]
        elif fault == "hole":
            cells[at] = self.mark
            options.pop("missing", None)
        elif fault == "offset":
            cells = [f"{10**9 + n}" for n in range(len(cells))]
        elif fault == "no such label":
            options["label_key"] = "nosuch"
        elif fault in ("label gap", "fraction"):
            if not case["label"]:
                return False
            number = next(i for i, c in enumerate(self.columns) if c[3] == "label")
            name, cells, values, kind = self.columns[number]
            cells = list(cells)
            if fault == "fraction" and case["label"] in ("text", "truth", "long"):
                return False
            cells[at] = self.mark if fault == "label gap" else "0.5"
        elif fault in ("twice", "nameless"):
            others = [c[0] for c in self.columns if c[3] != "index" and c[0] != name]
            if not others or not case["names"] or (fault == "nameless" and number == 0):
                return False
            name = others[0] if fault == "twice" else ""
        elif fault in ("ragged", "quote") and len(self.columns) < 2:
            return False
        self.columns[number] = (name, cells, values, kind)
        return True

    def write(self, path):
        """Write it as the case says."""
        case = self.case
        rows = [list(row) for row in zip(*(cells for _, cells, _, _ in self.columns), strict=True)]
        names = [name for name, *_ in self.columns] if case["names"] else None
        fault, more = case["fault"], case["more"]
        if fault == "ragged":
            rows[5].pop()
        if fault in ("empty", "names only"):
            rows = []
        if more == "empty end" and rows and case["comma"] != " ":
            rows = [[*row, ""] for row in rows]
            names = names and [*names, ""]
            self.notes.append("1 empty column at the end left out")
        if more == "empty rows" and case["comma"] not in " " and len(self.columns) > 1 and rows:
            rows.insert(4, [""] * len(rows[0]))
            self.notes.append("1 rows without any value")
        file = io.StringIO()
        writer = csv.writer(
            file, delimiter=case["comma"], lineterminator="\n", quoting=case["quoting"]
        )
        if names and fault != "empty":
            writer.writerow(names)
        writer.writerows(rows)
        lines = file.getvalue().splitlines()
        if more == "blank lines":
            lines = [each for line in lines for each in (line, "")]
        if more == "comment":
            lines.insert(0, "# made by hand, in the spring of the year, with care; and love | so")
            self.notes.append("comments before the first row are left out")
        if more == "sep" and case["comma"] not in " \t":
            lines.insert(0, f"sep={case['comma']}")
        if fault == "quote":
            lines[7] = f'"{lines[7]}'
        text = case["end"].join(lines) + ("" if more == "no end" else case["end"])
        if fault == "nul":
            text += "\0"
        encoding = case["encoding"]
        if encoding == "cp1252" and not text.isascii():
            self.notes.append("Windows-1252")
        if encoding in ("utf-16", "utf-16-le", "utf-32"):
            self.notes.append(f"was read as {encoding[:6].upper()}")
        path.write_bytes(text.encode(encoding))


def texts(tally, folder, examples):
    """Tables of text: what is right is read to the cell, what is wrong is refused."""
    config = base("x.csv")

    def body(case):
        case = dict(case)
        if case["comma"] == " " and (" " in case["mark"] or not case["mark"]):
            case["mark"] = "NA"
        table = Table(case)
        names, x = table.expected()
        options = table.options
        if case["fault"] and not table.spoil(options):
            case["fault"] = None
        path = folder / f"t.{case['suffix']}"
        table.write(path)

        def act():
            found = ArrayFile(str(path), **options).decode()
            assert found.columns == names, (found.columns, names)
            np.testing.assert_array_equal(found.train.x, x)
            assert (found.train.y is None) == (table.y is None)
            if table.y is not None:
                np.testing.assert_array_equal(found.train.y, table.y)
            for note in table.notes:
                assert any(note in each for each in found.notes), (note, found.notes)
            made = config.copy()
            made.data.source.path = str(path)
            for name, value in options.items():
                made.data.source[name] = value
            (folder / "config.yaml").write_text(OmegaConf.to_yaml(made))
            trained_step(folder)

        result = tally.attempt("tables of people", act)
        path.unlink()
        assert result == ("refused" if case["fault"] else "accepted"), case

    explore(examples, CASE, body)
