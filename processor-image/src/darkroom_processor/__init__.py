"""The image processor: an assignment in, files out, a report.

Nothing here imports pydantic or a third-party HTTP client: every task pays for what is imported,
and Pillow, http.client and this package together start in a third of the time the models of
`darkroom_core` alone would take. `assignment` and `report` therefore read and write the core's
documents with the standard library; a test holds them to the core's models field by field.
"""
