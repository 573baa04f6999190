"""The parts of the synthetic municipality that `bench.synthetic` writes."""
