"""The pages for people: server-rendered HTML under ``/desk``, on the services alone.

What belongs here: routes, who may see and do what, and how values read. What does not: rules and
SQL; the routes for programs (``api``). docs/pages.md says how to add a page.
"""
