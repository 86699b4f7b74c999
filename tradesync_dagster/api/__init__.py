"""The HTTP face for people and programs."""
