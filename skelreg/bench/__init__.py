"""Speed, as ratios to a unit that is measured in the same run; see `tools/bench.py`."""
