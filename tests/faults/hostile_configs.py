"""Generators of bad configs: overrides, config.yaml with anything anywhere, and YAML itself."""

import copy
import json

import yaml
from faults.hostile import explore, trained_step
from helpers.runs import config_of
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from vael.config.compose import compose_config
from vael.config.validate import check_config
from vael.runs.creation import make_run_folder
from vael.sweep.spec.sweep_file import read_sweep_file

SMALL = (
    "model=linear_vae",
    "data.limit=60",
    "data.batch_size=16",
    "logger=csv",
    "trainer.threads=1",
    "evaluation.samples=1",
)
NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    1.5,
    -0.0,
    1e-30,
    1e30,
    10**12,
    10**30,
    float("nan"),
    float("inf"),
    -float("inf"),
    True,
    False,
)
WORDS = (
    "",
    " ",
    "null",
    "true",
    "adam",
    "linear",
    "../../x",
    "/",
    "/dev/null",
    "/proc/self/mem",
    "ä b",
    "漢字",
    "a,b",
    "a=b",
    "[",
    "{",
    "}",
    "'",
    '"',
    "\\",
    "\t",
    "\x00",
    "\x1b[31m",
    "%s",
    "{0}",
    "x" * 5000,
    "${",
    "${seed}",
    "${nothing}",
    "${oc.env:HOME}",
    "???",
    "~",
    "*",
    "!!python/object/apply:os.system [true]",
    "torch.nn.Identity",
    "os.system",
    "builtins.int",
    "vael.models.nets.MLP",
    "vael.data.sources.Digits",
    "torch.optim.SGD",
    "1e400",
    "0x10",
    "nan",
)
LISTS = (
    [],
    [1],
    [1, 2],
    [0, 0],
    [-1, 8],
    ["a"],
    [None],
    [[[]]],
    {},
    {"a": 1},
    {"_target_": 5},
    {"_target_": "builtins.dict"},
    {"_target_": "torch.nn.Identity", "_partial_": True},
    None,
)
VALUES = (*NUMBERS, *WORDS, *LISTS)


def leaves(node, path=()):
    """The path of every value, sections too."""
    for name in node:
        yield (*path, name)
        if isinstance(node[name], DictConfig | dict):
            yield from leaves(node[name], (*path, name))


def value():
    """Anything that YAML can say."""
    simple = st.sampled_from(VALUES) | st.integers() | st.floats() | st.text(max_size=20)
    return (
        simple
        | st.lists(simple, max_size=4)
        | st.dictionaries(st.text(max_size=5), simple, max_size=3)
    )


def overrides(tally, folder, examples):
    """``python train.py SETTING=ANYTHING``, composed by Hydra."""
    settings = [".".join(path) for path in leaves(config_of(*SMALL)) if path[0] != "choices"]
    groups = [
        "data",
        "model",
        "likelihood",
        "latents",
        "posterior",
        "prior",
        "objective",
        "optimizer",
        "scheduler",
        "trainer",
        "logger",
        "callbacks",
        "experiment",
        "debug",
        "objective/schedule",
    ]

    def written(value):
        return value if isinstance(value, str) else json.dumps(value)

    one = st.tuples(
        st.sampled_from(["", "", "", "+", "++", "~"]),
        st.sampled_from(settings + groups) | st.text(max_size=12),
        st.sampled_from(VALUES) | st.text(max_size=12),
    )

    def body(case):
        given = [f"{sign}{path}={written(value)}" for sign, path, value in case]

        def action():
            config = compose_config([f"output_dir={folder}", *SMALL, *given])
            check_config(config)
            if config.output_dir == str(folder):  # else it would be made anywhere
                trained_step(make_run_folder(config))

        tally.attempt("overrides", action)

    explore(examples, st.lists(one, min_size=1, max_size=2), body)


def settings_in_files(tally, folder, examples):
    """A run's ``config.yaml`` with anything anywhere, something missing or something new."""
    good = OmegaConf.to_container(config_of(*SMALL))
    paths = list(leaves(good))
    change = st.tuples(st.sampled_from(paths), st.sampled_from(["set", "delete", "add"]), value())

    def body(case):
        config = copy.deepcopy(good)
        for path, kind, new in case:
            node = config
            for name in path[:-1]:
                node = node.get(name) if isinstance(node, dict) else None
            if not isinstance(node, dict):
                continue
            if kind == "delete":
                node.pop(path[-1], None)
            else:
                node["extra" if kind == "add" else path[-1]] = new
        tally.attempt("config.yaml, settings", lambda: from_text(folder, dumped(config)))

    explore(examples, st.lists(change, min_size=1, max_size=3), body)


def dumped(config):
    """YAML of plain containers, with any text."""
    return yaml.safe_dump(config, allow_unicode=True)


def from_text(folder, text):
    """A run of this config.yaml."""
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    (folder / "config.yaml").write_bytes(content)
    trained_step(folder)


LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
BOMBS = (
    LAUGHS,
    LAUGHS + "seed: *a9\n",
    "a: &a [*a]\n",
    "a: &a {b: *a}\n",
    "&a [*a, *a]",
    "[" * 20_000,
    "{a: " * 5000,
    "- " * 5000 + "x",
    "? " * 5000,
    "a: " + "9" * 100_000,
    "a: " + "x" * 2_000_000,
    "a: 1\n" * 5,
    "a: 1\na: 2\n",
    "<<: 5\n",
    "<<: [*x]\n",
    "\x00",
    "\t",
    "a:\n\t- b",
    "%YAML 9.9\n---\na: 1",
    "---\na: 1\n---\nb: 2\n",
    "a: !!binary =",
    "!!set {a}",
    "!!python/object/apply:os.system ['touch CANARY']",
    "a: !!python/object/new:os.system ['touch CANARY']",
    "a: !!python/name:os.system",
    "a: !!python/module:os",
    "!<tag:yaml.org,2002:int> x",
    "a: 2001-02-30",
    "a: 12:30:45",
    "a: 2001-01-01",
    "a: .nan",
    "1: 2\nnull: 3\ntrue: 4\n",
    "? [a, b]\n: c\n",
    "a: |\n  x\n y",
    "a: &x",
    "*x",
    "@a",
    "`",
    "a: ${a}",
    "a: ${b}\nb: ${a}",
    "a: ${oc.env:PATH}",
    "a: ${oc.decode:${oc.env:PATH}}",
    "a: ${" * 500,
    "null",
    "5",
    "text",
    "",
    "#",
    "[]",
    "[1, 2]",
    "a",
    "\ufeffa: 1",
    "é: ü",
    "a: '\\ud800'",
    'a: "\\ud800"',
    "a: \x85",
    b"\xff\xfe\x00\x00",
    b"\x80abc",
    "a: 1".encode("utf-16"),
    b"a: \xed\xa0\x80",
)


def yaml_bombs(tally, folder, every=1):
    """Known tricks, as a run's config, in the middle of one, and as a sweep."""
    good = dumped(OmegaConf.to_container(config_of(*SMALL)))
    for bomb in BOMBS[::every]:
        whole = bomb if isinstance(bomb, bytes) else bomb.encode("utf-8", "surrogatepass")
        for content in (whole, good.encode() + whole + b"\n", whole + b"\n" + good.encode()):
            content = content.replace(b"CANARY", str(folder / "canary").encode())
            tally.attempt("config.yaml, bombs", lambda c=content: from_text(folder, c))
            tally.attempt("sweep files, bombs", lambda c=content: sweep_of(folder, c))


def sweep_of(folder, content):
    """The sweep of a file with this content."""
    path = folder / "sweep.yaml"
    path.write_bytes(content)
    read_sweep_file(path)


def yaml_damage(tally, folder, examples):
    """A config.yaml that was cut, or of which some bytes are others."""
    good = dumped(OmegaConf.to_container(config_of(*SMALL))).encode()
    for percent in range(0, 100, 5):
        tally.attempt(
            "config.yaml, truncated",
            lambda p=percent: from_text(folder, good[: len(good) * p // 100]),
        )
    flips = st.lists(
        st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)), min_size=1, max_size=8
    )

    def body(case):
        content = bytearray(good)
        for place, byte in case:
            content[place] = byte
        tally.attempt("config.yaml, other bytes", lambda: from_text(folder, bytes(content)))

    explore(examples, flips, body)


def sweeps(tally, folder, examples):
    """A sweep file with anything anywhere."""
    good = {
        "target": "val/bpd",
        "trials": 3,
        "overrides": list(SMALL),
        "confirm": 0,
        "limits": {"trial_epochs": 2},
        "sampler": "tpe",
        "pruner": "halving",
        "space": {"model.latent_dim": "int(interval(2, 8))"},
        "when": {"likelihood=gaussian": {"likelihood.scale": "choice(shared, fixed)"}},
    }
    change = st.tuples(st.sampled_from(list(leaves(good))), value())

    def body(case):
        plain = copy.deepcopy(good)
        for path, new in case:
            node = plain
            for name in path[:-1]:
                node = node.get(name) if isinstance(node, dict) else None
            if isinstance(node, dict):
                node[path[-1]] = new
        tally.attempt("sweep files, settings", lambda: sweep_of(folder, dumped(plain).encode()))

    explore(examples, st.lists(change, min_size=1, max_size=2), body)
