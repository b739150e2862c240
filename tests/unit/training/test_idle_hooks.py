"""Which hooks Lightning calls at each step: those that somebody wrote."""

import pytorch_lightning as pl
from torch import nn

from vael.training.callbacks.timing import Throughput
from vael.training.single_steps import STEP_HOOKS
from vael.training.trainer import skip_idle_hooks


class Mine(pl.Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        pass


class Child(Mine):
    pass


class Module(pl.LightningModule):
    def on_after_backward(self):
        pass


def called(of):
    return {name for name in STEP_HOOKS if callable(getattr(of, name))}


def test_hooks_that_somebody_wrote_are_called_and_no_others():
    late, module = pl.Callback(), Module()
    late.on_before_backward = lambda *_: None  # on the object, not in its class
    callbacks = [Mine(), Child(), Throughput(1), late]
    skip_idle_hooks(callbacks, module)
    found = [called(callback) for callback in callbacks]
    assert found == [
        {"on_train_batch_start"},
        {"on_train_batch_start"},
        {"on_train_batch_end"},
        {"on_before_backward"},
    ]
    assert called(module) == {"on_after_backward"}
    assert callable(callbacks[0].on_train_epoch_start)
    assert isinstance(module, nn.Module)
    assert called(pl.Callback()) == set(STEP_HOOKS)  # the class itself is as it was
