"""The guide's pictures: ``python -m screenshots`` draws all of them into ``docs/images``.

What belongs here: the scene that they show, which pages are drawn, and the diagrams of the guide's
site. What does not: how a browser is driven (the tests' ``support.chromium``), what the pages show.
"""
