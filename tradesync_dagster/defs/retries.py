"""The retry queue in Dagster: looked at every minute, with a run where there is something to do.

What belongs here: its job and its schedule. What does not: what a look does (``sync.tending``).
"""

import dagster as dg
from pydantic import Field

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.runs import QUIET, run_under_way


class RetryConfig(dg.Config):
    """Whose queue is looked at.

    Attributes:
        accounts: ``ORG/ACCOUNT`` keys; where empty, all enabled accounts.
    """

    accounts: list[str] = Field(default_factory=list)


@dg.op(description="Tries failed orders again that are due, and takes out those that expired.")
def tend_queue(
    context: dg.OpExecutionContext, config: RetryConfig, services: dg.ResourceParam[Services]
) -> None:
    """Look at the queue once."""
    done = services.retries().tend(config.accounts or None)
    for sentence in done.held:
        context.log.warning(sentence)
    context.add_output_metadata(
        {"sent": len(done.sent), "expired": len(done.expired), "held": len(done.held)}
    )


@dg.job(
    executor_def=dg.in_process_executor,
    description="One look at the retry queue: failed orders whose reason may pass are tried again "
    "within the accounts' limits, the oldest first.",
)
def retry_orders() -> None:
    """Look once."""
    tend_queue()


@dg.schedule(
    job=retry_orders,
    cron_schedule="* * * * *",
    execution_timezone="Asia/Kolkata",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Asks the books every minute whether a failed order is due, has expired or is new "
    "in the queue, and starts a run only then. One run at a time.",
)
def retries_every_minute(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a look of the accounts that need one."""
    due = services.retries().due()
    if not due:
        return dg.SkipReason("Nothing is due in the retry queue.")
    run_id = run_under_way(context.instance, retry_orders.name)
    if run_id:
        return dg.SkipReason(f"Run {run_id} is still under way.")
    config = RetryConfig(accounts=due)
    return dg.RunRequest(run_config=dg.RunConfig(ops={tend_queue.name: config}, loggers=QUIET))
