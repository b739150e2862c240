"""A study in the browser: optuna-dashboard with reports, or a wandb workspace."""
