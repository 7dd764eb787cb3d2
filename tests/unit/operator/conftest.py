"""Inputs are the API server's JSON, outputs are plans, manifests and records: plain data.

Real: everything in darkroom_operator but its edges. Faked: the cluster and Postgres, by
darkroom_operator.testing; the real API server is covered by the end-to-end tests, Postgres by
tests/integration, the REST client by a small HTTP server on 127.0.0.1 here.
"""
