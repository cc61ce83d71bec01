"""What holds for all tests: Hypothesis measures nobody's time.

Its deadline of 200 ms for each example fails where a busy machine stands still for a moment. What
must be quick is measured where it is tested.
"""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
