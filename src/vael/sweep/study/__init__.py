"""The study of a sweep: its trials in a storage, their leases and their results."""
