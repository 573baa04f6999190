"""The programme in time: what was planned, what happened, what is to be expected."""

DEFAULT_ROUNDS, MOST_ROUNDS = 1000, 10_000
DEFAULT_SEED = 1
