"""vael: variational autoencoders with numbers that can be compared.

Letters used throughout: ``S`` samples of q per example, ``B`` batch, ``E`` event shape of x
(``C, H, W`` or ``D``), ``Z`` event shape of a latent, ``D`` = prod(E), ``d`` latent size.
The order of dimensions is torch's: sample, batch, event. Every log-density and rate is
``(S, B)``, in nats per example.
"""
