"""A stand-in for a corporate security system (SSC), which keeps the contract in `docs/contrato-ssc.md`."""
