"""ProcessingSchedules: tasks, or the retention sweep, at the times of a cron line."""
