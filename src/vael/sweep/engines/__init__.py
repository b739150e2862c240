"""Where the workers of a sweep run: on this machine, or as tasks of SLURM."""
