DROP TABLE audit_events;
DROP TABLE oidc_logins;
DROP TABLE oidc_subjects;
DROP TABLE api_keys;
