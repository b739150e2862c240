"""Check that the devices can share a batch; imports no torch."""

from vael.errors import ConfigError


def check_batch_size(batch_size: int, devices: int, accumulate: int) -> None:
    """Refuse a global batch that the devices and their pieces cannot share.

    Raises:
        ConfigError: ``batch_size`` is not a multiple of ``devices * accumulate``.
    """
    shares = devices * accumulate
    if batch_size % shares:
        raise ConfigError(
            f"data.batch_size={batch_size} (global: what one optimiser step sees) must be "
            f"divisible by {shares} = {devices} devices (trainer.devices * trainer.num_nodes) * "
            f"trainer.accumulate_grad_batches: take {max(1, batch_size // shares) * shares}, say."
        )
