"""What is found only with the data at hand: one line, code 2, and no folder."""

import re
import subprocess
import sys

import numpy as np
import pytest
from helpers.commands import train_py
from helpers.runs import ROOT

BAD = {
    "data.batch_size=4000": r"data\.batch_size=4000 .* training examples, 1455",
    "trainer.accelerator=gpu": r"trainer\.accelerator=gpu, but torch sees no GPU",
    "data=mnist": r"ylecun/mnist .*data\.path=FOLDER",
    "data=mnist data.path=/nowhere": r"data\.path .* /nowhere does not exist",
    "data=array data.path=nan.npy": r"nan\.npy.* 1 NaN or infinite.* \[1, 2, 3\]",
    "data=array data.path=rank.npy": r"rank\.npy.* got shape \(5,\)",
    "data=array data.path=object.npy": r"object\.npy.* Python objects",
    "data=array data.path=table.npy": r"model=conv_vae needs images .* use model=mlp_vae",
    "data=array data.path=table.npy model=mlp_vae likelihood=bernoulli": r"needs data in \[0, 1\]",
    "model.encoder._target_=torch.nn.Identity": r"the model does not fit examples of shape",
    "+optimizer.foo=1": r"optimizer \(torch\.optim\.Adam\) cannot be built: foo is not an option",
    "+model.encoder.widht=3": r"model\.encoder .* widht is not an option\. Did you mean width\?",
    "scheduler=cosine scheduler.warmup_steps=9999": r"scheduler\.warmup_steps=9999 must be below",
    "prior=spline prior.bins=1": r"prior\.bins must be an integer >= 2, but got 1",
    "prior=autoregressive prior.transforms=0": r"prior\.transforms must be an integer >= 1",
    "posterior=iaf posterior.hidden=[0]": r"posterior\.hidden must be an integer >= 1, but got 0",
    "posterior=iaf objective=bound objective.gradient=stl": r"gradient=stl needs log q\(z\|x\)",
    "posterior=spline prior=vamp": r"^vael: prior=vamp needs log q\(z\|u\)",
    "likelihood.sigma=0": r"likelihood\.sigma must be a positive, finite number",
}


@pytest.mark.parametrize("overrides", BAD, ids=str)
def test_one_line_code_2_and_no_folder(overrides, tmp_path):
    images = np.zeros((300, 8, 8), dtype=np.float32)
    images[1, 2, 3] = np.nan
    np.save(tmp_path / "nan.npy", images)
    np.save(tmp_path / "rank.npy", np.zeros(5))
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "table.npy", np.random.default_rng(0).normal(size=(300, 6)))
    done = train_py("logger=csv", *overrides.split(), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("vael: ")
    assert re.search(BAD[overrides], line), line
    assert done.stdout == ""
    assert not list(tmp_path.glob("outputs/*"))


@pytest.mark.slow
def test_a_python_of_its_own_says_the_same(tmp_path):
    """All of the others are forks of one that runs already."""
    command = ["logger=csv", "data.batch_size=4000"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    fork = train_py(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, fork.stdout, fork.stderr)
    assert fork.returncode == 2
    assert not list(tmp_path.glob("outputs/*"))
