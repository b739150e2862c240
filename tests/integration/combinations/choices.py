"""The choices of conf/ that meet each other, and which of them cannot."""

import numpy as np
from helpers.runs import ROOT


def names(group):
    return sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))


COUNTS = ("poisson", "negative_binomial")  # are likelihood=mixed, on data of their own
FACTORS = {
    "data": ["image", "table", "holes"],
    "likelihood": [name for name in names("likelihood") if name not in COUNTS],
    "posterior": names("posterior"),
    "prior": names("prior"),
    "objective": names("objective"),
    "latents": names("latents"),
    "condition": [name for name in names("condition") if name != "factors"],  # numbers, as columns
}
USUAL = {
    "data": "image",
    "likelihood": "gaussian",
    "posterior": "normal",
    "prior": "standard_normal",
    "objective": "elbo",
    "latents": "flat",
    "condition": "none",
}
LAYERS = ("chain", "ladder")
CODES = ("vq", "fsq")
OF_ONE = ("beta_tc", "dip", "info", "wae", "factor_vae", "aae")  # objectives of a single layer
LEVELS = ["bernoulli", "beta_binomial", "categorical", "continuous_bernoulli"]
TOLD = {"label": {"label": 1}, "columns": {"given": {"2": 0.5}}}
"""What a model of each condition is told to decode."""
OF_POINTS = ("wae", "aae")  # need no density of q(z|x)
REFUSED = {
    **{
        (f"data={data}", f"likelihood={name}"): "likelihood"
        for data in ("table", "holes")
        for name in LEVELS
    },
    ("data=image", "likelihood=student_t"): "likelihood",
    ("data=image", "likelihood=mixed"): "column of a table",
    ("data=image", "likelihood=poisson"): "poisson is for counts in every column of a table",
    ("data=table", "likelihood=negative_binomial"): "use likelihood=mixed, which has a family for",
    **{
        ("objective=free_bits", f"prior={name}"): "objective.group=null"
        for name in names("prior")
        if name != "standard_normal"
    },
    **{
        (f"objective={name}", "posterior=delta"): "objective=wae"
        for name in names("objective")
        if name not in OF_POINTS
    },
    **{
        (choice, f"posterior={flow}"): said
        for flow in ("iaf", "spline")  # no densities of single dimensions, nor of other draws
        for choice, said in {
            "objective=beta_tc": "posterior=normal",
            "objective=dip": "objective.variant=1",
            "objective=free_bits": "objective.group=null",
            "prior=vamp": "posterior",
        }.items()
    },
    **{
        (f"objective={name}", "latents=chain"): "needs a model with one layer of latents"
        for name in OF_ONE
    },
    ("posterior=delta", "latents=chain"): "objective=wae",
    ("posterior=full_normal", "latents=ladder"): "use posterior=normal, or latents=chain",
    ("objective=free_bits", "latents=chain"): "objective.group=null",
    ("objective=bound", "latents=vq"): "objective=elbo",
    ("prior=vamp", "latents=vq"): "of no use",
    ("posterior=laplace", "latents=fsq"): "of no use",
    ("data=image", "condition=columns"): "condition=label",
    ("prior=vamp", "condition=label"): "condition.encoder=false",
    ("latents=vq", "condition=label"): "takes no condition",
}
"""Two choices that cannot go together, with what the line that refuses them says."""
LIKEWISE = [
    *((f"objective={name}", "latents=ladder") for name in OF_ONE),
    *((f"posterior={name}", "latents=ladder") for name in names("posterior") if name != "normal"),
    *(
        (f"{group}={name}", f"latents={codes}")
        for codes in CODES
        for group in ("objective", "posterior", "prior")
        for name in names(group)
        if name != USUAL[group]
    ),
    *((f"likelihood={name}", "condition=columns") for name in LEVELS),  # none of a table
    ("prior=vamp", "condition=columns"),
    *((f"latents={codes}", f"condition={name}") for codes in CODES for name in TOLD),
]
"""Pairs that are refused by a line of those above."""
FORBIDDEN = [
    frozenset(tuple(choice.split("=")) for choice in pair) for pair in (*REFUSED, *LIKEWISE)
]
SMALL = (  # one step an epoch
    *("logger=csv", "trainer.max_epochs=1", "trainer.log_every_n_steps=1", "report=false"),
    *("data=array", "data.batch_size=8", "model=mlp_vae", "model.latent_dim=2"),
    *("model.encoder.hidden=[8]", "model.decoder.hidden=[8]"),
    *("evaluation.samples=2", "evaluation.test_samples=2", "callbacks.pictures.num_examples=8"),
)
NEEDS = {
    "prior=mixture": ["prior.components=3"],
    "prior=vamp": ["prior.components=3"],
    "objective=bound": ["objective.k=3"],
    "latents=vq": ["latents.codebook_size=3"],
    "latents=fsq": ["latents.levels=[3,2]"],
    "condition=columns": ["condition.names=[2]"],
    **{f"latents={name}": ["latents.below=[3]", "latents.hidden=[4]"] for name in LAYERS},
    **{
        f"{group}={name}": [f"{group}.transforms=1", f"{group}.hidden=[4]"]
        for group, name in (
            *(("posterior", name) for name in ("iaf", "spline")),
            *(("prior", name) for name in ("autoregressive", "spline")),
        )
    },
}


def write_data(folder):
    """Write twelve tiny images, rows of a table, rows with holes, and counts with holes.

    There are two classes. The last column has no holes, so that it can be told.
    """
    rng = np.random.default_rng(0)
    images, table, y = rng.integers(0, 5, (12, 4, 4)), rng.normal(size=(12, 3)), np.arange(12) % 2
    holes = np.where(np.arange(12)[:, None] % 3 == np.array([0, 1, 3]), np.nan, table)
    found = {}
    counts = np.where(np.isnan(holes), np.nan, rng.poisson(4, (12, 3)))
    arrays = {"image": images, "table": table, "holes": holes, "counts": counts}
    for name, x in arrays.items():
        found[name] = folder / f"{name}.npz"
        parts = {"train": x[:8], "val": x[8:10], "test": x[10:]}
        labels = {"train": y[:8], "val": y[8:10], "test": y[10:]}
        np.savez(
            found[name],
            **{f"x_{part}": rows for part, rows in parts.items()},
            **{f"y_{part}": rows for part, rows in labels.items()},
        )
    return found


def settings(row, files):
    """Return what makes the config of a row."""
    chosen = [f"{group}={name}" for group, name in row.items() if group != "data"]
    more = [setting for choice in chosen for setting in NEEDS.get(choice, ())]
    masked = ["data.missing=mask"]
    of_data = {"image": ["data.levels=5"], "holes": masked, "counts": masked}
    return [
        *SMALL,
        f"data.path={files[row['data']]}",
        *of_data.get(row["data"], []),
        *chosen,
        *more,
    ]


def label(row):
    """Name a test."""
    return "-".join(row.values())
