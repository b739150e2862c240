"""Log-masses, means and samples of the families, in one pass each and stable at every scale."""
