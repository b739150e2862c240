"""The study of a sweep: its trials in a storage, who works on them, and what came of them."""
