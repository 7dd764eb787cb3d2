"""Webhooks by the Standard Webhooks specification 1.0.0: endpoints, deliveries, signatures."""
