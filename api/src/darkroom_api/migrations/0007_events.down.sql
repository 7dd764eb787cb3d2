DROP TRIGGER tasks_changed ON tasks;
DROP TRIGGER tasks_made ON tasks;
DROP FUNCTION darkroom_task_changed;
DROP FUNCTION darkroom_tasks_made;
DROP TABLE task_events_pruned;
DROP TABLE task_events;
ALTER TABLE tasks DROP COLUMN version;
