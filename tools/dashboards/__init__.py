"""Grafana's dashboards: what they show is in `boards`, how that becomes Grafana's JSON in `grafana`."""
