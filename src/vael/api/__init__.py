"""What ``import vael`` offers: train, fit, search, build; each name is imported when asked for."""
