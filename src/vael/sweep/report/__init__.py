"""One self-contained page about a sweep."""
