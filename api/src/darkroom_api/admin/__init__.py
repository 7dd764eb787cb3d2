"""What operators look at, and what admins change: `/v1/admin/...`."""
