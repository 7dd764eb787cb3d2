"""Tasks at times of a clock: each schedule is a ProcessingSchedule with its owner's label."""
