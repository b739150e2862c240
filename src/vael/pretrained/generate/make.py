"""One call of ``vael generate``."""

from pathlib import Path

from vael.files import write_bytes
from vael.pretrained.generate.kinds import KINDS
from vael.pretrained.generate.request import GenerateRequest
from vael.pretrained.generate.subject import Subject


def generate_file(request: GenerateRequest) -> Path:
    """Writes the file whole, and returns its path.

    Raises:
        ConfigError: an option that cannot work, or not with this model.
        CheckpointError: there is no trained model.
        DataError: the data cannot be read, where it is needed.
    """
    request.check()
    content = KINDS[request.kind](Subject(request))
    write_bytes(request.target, lambda file: file.write(content))
    return request.target
