"""The suite in surroundings that a careful program must not assume away: see run.sh."""
