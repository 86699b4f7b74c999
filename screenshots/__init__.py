"""The guide's pictures: ``python -m screenshots`` draws all of them into ``docs/images``.

What belongs here: the scene that they show, and which pages are drawn. What does not: how a browser
is driven (the tests' ``support.chromium``), what the pages show.
"""
