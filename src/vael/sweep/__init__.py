"""A search over configs: its space, its study, its workers and what they leave."""
