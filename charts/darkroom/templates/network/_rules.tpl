{{/* Rules that several policies have. */}}
{{- define "darkroom.dnsRule" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
    # OpenShift's DNS listens here, and policies see the port of the pod.
    - {port: 5353, protocol: UDP}
    - {port: 5353, protocol: TCP}
{{- end }}

{{- define "darkroom.kubernetesRule" -}}
# The API server has an address of its own in every cluster, and policies see it behind its Service.
- ports:
    - {port: 443, protocol: TCP}
    - {port: 6443, protocol: TCP}
{{- end }}

{{- define "darkroom.apiRule" -}}
- to:
    - podSelector:
        matchLabels:
          {{- include "darkroom.selector" (list . "api") | nindent 10 }}
  ports:
    - {port: http, protocol: TCP}
{{- end }}

{{- define "darkroom.postgresRule" -}}
{{- if .Values.database.builtin.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "darkroom.selector" (list . "postgres") | nindent 10 }}
  ports:
    - {port: postgres, protocol: TCP}
{{- else }}
- ports:
    - {port: {{ .Values.networkPolicy.databasePort }}, protocol: TCP}
{{- end }}
{{- end }}

{{/* Public addresses, and the networks that source URLs may reach although they are not public. */}}
{{- define "darkroom.sourcesRule" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/4, 240.0.0.0/4]
    - ipBlock:
        cidr: 2000::/3
    {{- range .Values.processor.allowedSourceNetworks }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
{{- end }}

{{/* A bucket inside of the cluster's networks. */}}
{{- define "darkroom.storageRule" -}}
{{- with .Values.networkPolicy.storageNetworks }}
- to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
{{- end }}
{{- end }}
