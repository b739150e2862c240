"""Decompress a file with the model that it was made with: the steps of ``vael decompress``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vael.data.source import Array
from vael.errors import CheckpointError, ConfigError, DataError
from vael.files import write_bytes
from vael.pretrained.compress.codec import Codec, one_thread
from vael.pretrained.compress.coder import decode_blocks
from vael.pretrained.compress.compress import check_coder, check_output
from vael.pretrained.compress.container import Container, Header, unpack, used_versions
from vael.pretrained.compress.examples import ARRAYS, encode_examples, hash_examples
from vael.pretrained.loading import load_model, open_model
from vael.pretrained.model import Model
from vael.progress import Countdown


@dataclass(frozen=True)
class DecompressRequest:
    """The options of one call of ``vael decompress``.

    Attributes:
        file: that `compress_file` wrote.
        output: an ``.npy`` or ``.npz``; None: the file's name with ``.npy``.
        force: whether it may be overwritten.
        run: where the model is now; None: where it was, and only with parts of vael's own: a
            file from elsewhere must not name code that is run.
        allow: packages that the config in a checkpoint may name.
    """

    file: Path
    output: Path | None = None
    force: bool = False
    run: Path | None = None
    allow: tuple[str, ...] = ()

    @property
    def target(self) -> Path:
        """The file that is written."""
        return self.file.with_suffix(".npy") if self.output is None else self.output


def decompress_file(request: DecompressRequest) -> tuple[int, ...]:
    """Write the examples of a file as level numbers; return their shape ``(N, *E)``.

    Nothing is written unless their hash is that of the examples that were compressed.

    Raises:
        DataError: the file is damaged.
        ConfigError: the model, versions or probabilities are not those that it was made with.
        CheckpointError: the model is not there.
    """
    check_coder()
    if request.target.suffix not in ARRAYS:
        raise ConfigError(f"-o must end in .npy or .npz, but got {request.target}.")
    check_output(request.target, request.force)
    try:
        content = request.file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{request.file} cannot be read: {error.strerror}.") from error
    packed = unpack(content, request.file)
    model = _open(request, packed.header)
    x = decompress(packed, model, request.file)
    made = encode_examples(x, packed.header.levels, request.target)
    write_bytes(request.target, lambda file: file.write(made))
    return x.shape


def decompress(packed: Container, model: Model, file: Path) -> Array:
    """Return the level numbers ``(N, *E)`` of a file.

    Args:
        packed: its content.
        model: that it was made with.
        file: where it is, for messages.

    Raises:
        ConfigError: the model, versions or probabilities are not those that it was made with.
        DataError: the examples do not come out as they went in.
    """
    header = packed.header
    now = used_versions()
    changed = [f"{n} {v}, now {now.get(n)}" for n, v in header.versions.items() if v != now.get(n)]
    if changed:
        raise ConfigError(
            f"{file} was made with other versions, whose last bits may differ "
            f"({'; '.join(changed)}): decompress it with those."
        )
    spec = model.spec
    if (spec.event_shape, spec.levels) != (header.shape, header.levels):
        raise ConfigError(
            f"{file} holds examples of shape {header.shape} with {header.levels} levels, but the "
            f"model is of shape {spec.event_shape} with {spec.levels}: name its own run by --run."
        )
    with one_thread(), Countdown("decompress", header.count) as countdown:
        codec = Codec(model.vae, header.shape, header.levels, header.rows)
        if codec.digest() != header.model:
            raise ConfigError(
                f"{file} was made with other weights than those of {model.file}: name its own run "
                "by --run."
            )
        if codec.probe() != header.probe:
            raise ConfigError(
                f"{file} cannot be decompressed here: the model gives other probabilities in the "
                "last bits (another processor, other instructions or libraries); use the machine "
                "that compressed it."
            )
        k = decode_blocks(codec, packed.message, header.count, countdown.add)
    if hash_examples(k, header.levels) != header.examples:
        raise DataError(f"{file} does not give the examples that were compressed: get it again.")
    return np.reshape(k, (header.count, *header.shape))


def _open(request: DecompressRequest, header: Header) -> Model:
    if request.run is not None:
        return open_model(request.run, request.allow, header.checkpoint)
    try:
        return load_model(header.run, allow=request.allow, checkpoint=header.checkpoint)
    except CheckpointError as error:
        raise CheckpointError(
            f"{request.file} was made with {header.run}, which cannot be used: {error} Name the "
            "run by --run."
        ) from error
