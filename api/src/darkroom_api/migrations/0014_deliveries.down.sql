DROP TABLE delivery_lanes;
DROP TABLE delivery_attempts;
DROP TABLE deliveries;
DROP TABLE notification_preferences;
DROP TABLE task_webhooks;
DROP TABLE webhook_default_secrets;
DROP TABLE webhook_endpoints;
DROP TABLE outbox_position;
