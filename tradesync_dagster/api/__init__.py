"""The HTTP face for programs: what the command line shows and does, one organization a key.

What belongs here: routes, the shape of what they take and answer, who may ask for what. What does
not: rules, queries and wiring (``bootstrap``), what people type (``cli``).
"""
