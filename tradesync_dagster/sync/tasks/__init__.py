"""The desk's tasks: claiming their turns, and what each of the seven does.

What belongs here: one module a task, what they share (``desk``, ``executor``), and taking turns
(``turns``). What does not: when a turn is due (``domain.task_schedules``).
"""
