"""How often claims were right where that could be counted. tests/README.md holds all rates and their commands."""

# python -m tests.trials_of_others.replication --studies 10: 61 supported claims, each looked up in nine other studies.
AGAIN, INFLUENCE_AGAIN = "70% [64%, 79%]", "81% [74%, 89%]"
# python -m tests.trials_of_others --studies 100: 800 studies of eight tables.
INERT = "8% [6%, 10%]"

MEASURED = (
    f"Measured: over ten independent studies of the digits, a supported claim was supported again by another study in "
    f"{AGAIN}, one of influence in {INFLUENCE_AGAIN}. On real tables, a hyperparameter that does nothing was said to "
    f"matter beside others in {INERT} of studies: a probability of 0.95 rests on a prior by which most of them matter."
)
