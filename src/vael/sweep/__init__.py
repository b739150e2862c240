"""Floor 10: a search over configs: its space, its study, its workers and what they leave."""
