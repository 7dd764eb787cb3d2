{{/* Values that contradict each other, all of them in one message. */}}
{{- define "darkroom.checks" -}}
{{- $v := .Values }}{{ $wrong := list }}
{{- $several := or (gt (int $v.api.replicas) 1) $v.api.autoscaling.enabled }}
{{- if and (eq $v.storage.backend "local") $several (not (has "ReadWriteMany" $v.storage.local.accessModes)) }}
{{- $wrong = append $wrong "api.replicas can only be 1 with storage.backend local and a volume that is not shared, and api.autoscaling cannot be enabled: set storage.local.accessModes to [ReadWriteMany], or use s3." }}
{{- end }}
{{- if and (eq $v.storage.backend "s3") (not $v.storage.s3.bucket) }}
{{- $wrong = append $wrong "storage.s3.bucket must name the bucket where storage.backend is s3." }}
{{- end }}
{{- if and (eq $v.storage.backend "local") $v.storage.s3.bucket }}
{{- $wrong = append $wrong "storage.s3.bucket is set, but storage.backend is local: set it to s3, or leave the bucket out." }}
{{- end }}
{{- if and (not $v.database.builtin.enabled) (not $v.database.external.existingSecret) }}
{{- $wrong = append $wrong "database.external.existingSecret must name the Secret with your PostgreSQL's URL (or set database.builtin.enabled)." }}
{{- end }}
{{- if and $v.database.builtin.enabled $v.database.external.existingSecret }}
{{- $wrong = append $wrong "database.external.existingSecret is set, but database.builtin.enabled is true: set it to false to use your own PostgreSQL." }}
{{- end }}
{{- if and $v.database.builtin.enabled (not $v.fixedUser) }}
{{- $wrong = append $wrong "database.builtin.enabled needs fixedUser: where the cluster gives each namespace its users, bring your own PostgreSQL." }}
{{- end }}
{{- if and (not $v.secrets.existingSecret) (ne (toJson $v.secrets.keys) "{\"adminEmail\":\"admin-email\",\"adminPassword\":\"admin-password\",\"jwt\":\"jwt-key\",\"postgresPassword\":\"postgres-password\",\"signingKey\":\"signing-key\"}") }}
{{- $wrong = append $wrong "secrets.keys says how the keys of secrets.existingSecret are called: name that Secret, or leave the keys as they are." }}
{{- end }}
{{- if and $v.api.autoscaling.enabled (gt (int $v.api.autoscaling.minReplicas) (int $v.api.autoscaling.maxReplicas)) }}
{{- $wrong = append $wrong "api.autoscaling.minReplicas is above api.autoscaling.maxReplicas." }}
{{- end }}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- $wrong = append $wrong "autoscaling.minReplicas is above autoscaling.maxReplicas." }}
{{- end }}
{{- if and $v.autoscaling.enabled (not $v.pool.enabled) }}
{{- $wrong = append $wrong "autoscaling.enabled scales the pool \"default\": set pool.enabled." }}
{{- end }}
{{- if and $v.api.ingress.enabled (not $v.api.ingress.host) }}
{{- $wrong = append $wrong "api.ingress.host must name the host that the Ingress is for." }}
{{- end }}
{{- if and $v.api.httpRoute.enabled (not $v.api.httpRoute.parentRefs) }}
{{- $wrong = append $wrong "api.httpRoute.parentRefs must name the Gateway that the route belongs to." }}
{{- end }}
{{- if and (or $v.api.ingress.enabled $v.api.httpRoute.enabled) (eq $v.api.trustedProxies "127.0.0.1") }}
{{- $wrong = append $wrong "api.trustedProxies must be the addresses of the proxy in front of the API (or * where nobody else reaches it): without it all of its clients share the rate limits of one." }}
{{- end }}
{{- if and $v.tracing.enabled (not (regexMatch "^https?://[^/]" $v.tracing.endpoint)) }}
{{- $wrong = append $wrong "tracing.endpoint must be the collector's URL, such as http://otel-collector:4318, where tracing.enabled is true." }}
{{- end }}
{{- if and $v.monitoring.rules.enabled (not $v.monitoring.rules.runbooks) }}
{{- $wrong = append $wrong "monitoring.rules.runbooks must say where you publish docs/runbooks: who is called at night needs them." }}
{{- end }}
{{- with $wrong }}
{{- fail (printf "\n\n  %s\n" (join "\n  " .)) }}
{{- end }}
{{- end }}
