"""Print the table: planted bugs found, correct code passed, what cannot be found, and the detection floor.

python -m tests.gradcheck.planted
"""

import math
import sys
import time
import warnings

from tests.gradcheck.planted.limits import LIMITS
from tests.gradcheck.planted.table import CORRECT, GROUPS


def main():
    """Run all; the exit status is 1 if a bug is missed or correct code fails."""
    warnings.simplefilter("error")
    start, missed, alarms, floors = time.perf_counter(), [], [], []
    print(f"{'planted bug':<58}  {'found by':<22}  verdict")
    for group, plants in GROUPS.items():
        print(f"-- {group}")
        for plant in plants:
            found = plant.found(plant.check())
            missed += [] if found else [plant.bug]
            print(f"{plant.bug:<58}  {plant.row:<22}  {'found' if found else 'MISSED'}")
    for correct in CORRECT:
        report = correct.check()
        if not report:
            alarms.append(correct.what)
            print(f"false alarm: {correct.what}\n{report}")
        elif math.isfinite(report.floor):
            floors.append(report.floor)
    print("-- cannot be found (docs/gradcheck.md)")
    for plant in LIMITS:
        print(f"{plant.bug:<82}  {'passes' if plant.check() else 'FOUND'}")
    planted = sum(map(len, GROUPS.values()))
    print(f"\nplanted bugs found: {planted - len(missed)} of {planted}")
    print(f"correct layers, models, losses and optimizers passed: {len(CORRECT) - len(alarms)} of {len(CORRECT)}")
    floors.sort()
    median, largest = floors[len(floors) // 2], floors[-1]
    print(f"detection floor, relative to the largest gradient: {median:.0e} (median), {largest:.0e} (largest)")
    print(f"{time.perf_counter() - start:.0f} s")
    return 1 if missed or alarms else 0


if __name__ == "__main__":
    sys.exit(main())
