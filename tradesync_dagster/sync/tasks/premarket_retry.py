"""Before the opening: try failed orders again.

What belongs here: handing the account to the retry queue. What does not: the queue (``retrying``).
"""

from tradesync_dagster.sync.tasks.desk import Detail, Job


def retry_failed(job: Job) -> Detail:
    """Work the retry queue of an account."""
    return dict(job.desk.work_queue(job.books.key))
