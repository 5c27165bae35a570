"""The studies of a store by name, and the addresses at which MLflow's UI shows them."""

from hyperstudy.study.core.errors import InputError, not_one_of
from hyperstudy.study.tracking.client import Client, open_client
from hyperstudy.study.tracking.tracker import Tracker

REPORT = "report"  # the run that carries a study's report


def experiments(uri: str) -> dict[str, str]:
    """Identifiers of the studies in a store by name, the one with the latest trial first."""
    client, found, token = open_client(uri), [], None
    while True:
        page = client.search_experiments(page_token=token)
        found += [experiment for experiment in page if experiment.name != "Default"]
        if not (token := page.token):
            break
    latest = {experiment.experiment_id: _latest_start(client, experiment.experiment_id) for experiment in found}
    ordered = sorted(found, key=lambda experiment: latest[experiment.experiment_id], reverse=True)
    return {experiment.name: experiment.experiment_id for experiment in ordered}


def find_study(uri: str, name: str | None) -> str:
    """The named study, or the one with the latest trial; raises `InputError` with those that there are."""
    names = list(experiments(uri))
    if name is not None and name not in names:
        Tracker(uri, name)  # raises for one that was deleted
    if not names:
        raise InputError(f"there is no study yet in {uri!r}: run python -m study.run")
    if name is not None and name not in names:
        raise not_one_of("study", name, names)
    return name or names[0]


def _latest_start(client: Client, experiment_id: str) -> int:
    """When the latest trial began, in milliseconds since 1970; 0 where there is none."""
    order, condition = ["attributes.start_time DESC"], f"attributes.run_name != '{REPORT}'"
    runs = client.search_runs([experiment_id], condition, max_results=1, order_by=order)
    return runs[0].info.start_time if runs else 0


def charts_link(base: str, experiment_id: str) -> str:
    """The address that opens the experiment's charts; the UI's own start page is a generative-AI one."""
    return f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning&compareRunsMode=CHART"


def run_link(base: str, experiment_id: str, run_id: str) -> str:
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}"
