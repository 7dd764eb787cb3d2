"""Tasks of type Export: tables of JSON lines, or a ZIP of many files. Nothing is held whole."""
