"""Turn YAML into a composed, validated config and into objects."""
