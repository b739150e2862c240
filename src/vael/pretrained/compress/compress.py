"""Compress examples with a trained model: the steps of ``vael compress``."""

import importlib.util
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from vael.errors import ConfigError
from vael.files import write_bytes
from vael.pretrained.compress.codec import Codec, one_thread
from vael.pretrained.compress.coder import encode_blocks
from vael.pretrained.compress.container import Header, count_blocks, pack, used_versions
from vael.pretrained.compress.examples import hash_examples, read_examples
from vael.progress import Countdown
from vael.types import Shape


@dataclass(frozen=True)
class CompressRequest:
    """The options of one call of ``vael compress``.

    Attributes:
        run: a run's folder or a checkpoint.
        data: a split of the run's data, an array's file, a picture or a folder of pictures.
        output: the file.
        force: whether it may be overwritten.
        overrides: other data of the same shape, for a split.
        checkpoint: of a run's folder, ``best`` or ``last``.
        allow: packages that the config in a file may name.
    """

    run: Path
    data: str
    output: Path
    force: bool = False
    overrides: tuple[str, ...] = ()
    checkpoint: str = "best"
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compression:
    """What became of it, in bits.

    Attributes:
        count: examples.
        shape: E, of one.
        levels: of each dimension.
        words: bits of the words.
        initial: of these, the initial ones, which carry nothing.
        header: bits of the file before the words.
        bound: -ELBO of the examples at the z that were drawn.
        seconds: of the coding.
        memory: bytes that the process had at most.
    """

    count: int
    shape: Shape
    levels: int
    words: int
    initial: int
    header: int
    bound: float
    seconds: float
    memory: int

    def per_dim(self, bits: float) -> float:
        """Return bits per dimension of an example."""
        dims = self.count
        for size in self.shape:
            dims *= size
        return bits / dims


def compress_file(request: CompressRequest) -> Compression:
    """Write examples to a file of about -ELBO bits, from which `decompress_file` has them again.

    Raises:
        ConfigError: a model or an option that cannot compress.
        DataError: examples that are not like the model's.
        CheckpointError: there is no trained model.
    """
    check_coder()
    check_output(request.output, request.force)
    if request.checkpoint not in ("best", "last"):
        raise ConfigError(f"--checkpoint must be best or last, but got {request.checkpoint}.")
    found = read_examples(
        request.run, request.data, request.overrides, request.allow, request.checkpoint
    )
    model, k = found.model, found.k
    started = time.monotonic()
    with one_thread(), Countdown("compress", len(k)) as countdown:
        codec = Codec(model.vae, model.spec.event_shape, model.spec.levels)
        message = encode_blocks(codec, k, countdown.add)
        header = Header(
            shape=codec.shape,
            levels=codec.levels,
            count=len(k),
            binarize=model.preprocess.binarize,
            rows=codec.rows,
            blocks=count_blocks(message.sizes),
            kept=message.kept,
            run=str(request.run.absolute()),
            checkpoint=request.checkpoint,
            model=codec.digest(),
            probe=codec.probe(),
            versions=used_versions(),
            examples=hash_examples(k, codec.levels),
        )
    content = pack(header, message.words)
    write_bytes(request.output, lambda file: file.write(content))
    words = 32 * len(message.words)
    return Compression(
        len(k),
        codec.shape,
        codec.levels,
        words,
        message.initial,
        8 * len(content) - words,
        message.bound,
        time.monotonic() - started,
        1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )


def check_coder() -> None:
    """Refuse to begin without constriction.

    Raises:
        ConfigError: it is not installed.
    """
    if importlib.util.find_spec("constriction") is None:
        raise ConfigError(
            "compress and decompress need the package constriction: pip install constriction."
        )


def check_output(path: Path, force: bool) -> None:
    """Refuse a folder, and a file that is there.

    Raises:
        ConfigError: says which.
    """
    if path.is_dir():
        raise ConfigError(f"-o must be a file, but {path} is a folder.")
    if path.exists() and not force:
        raise ConfigError(f"{path} exists: add --force to overwrite it, or name another file.")
