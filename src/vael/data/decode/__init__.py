"""Decoders: files of images, tables and arrays to arrays of numbers."""
