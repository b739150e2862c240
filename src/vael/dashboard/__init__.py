"""A study to look at: on this machine with optuna-dashboard, or on wandb."""
