"""The programme in time: what was planned, what happened, what is to be expected."""
