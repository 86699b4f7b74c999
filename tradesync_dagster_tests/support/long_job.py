"""A job that goes on until it is ended, for a code server of the tests."""

import time

import dagster as dg


@dg.op
def wait() -> None:
    time.sleep(600)


@dg.job(executor_def=dg.in_process_executor)
def long_job() -> None:
    wait()


defs = dg.Definitions(jobs=[long_job])
