"""A command whose workers are forks of one process, which has read all they need before them.

``python -m tests.survey.forked explainers survey ...`` is ``python -m explainers survey ...``, for
tests in which many workers end: what is held is what happens then, not how a worker starts.
"""

import multiprocessing
import runpy
import sys

import dask
from distributed import utils

READ_BEFORE = ["distributed.nanny", "distributed.worker", "explainers.survey.looking"]

if __name__ == "__main__":
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    multiprocessing.get_context("forkserver").set_forkserver_preload(READ_BEFORE)
    utils._forkserver_preload_set = True  # else Dask has it read other packages instead
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
