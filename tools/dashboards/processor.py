"""What processors report."""

from typing import Final

from dashboards.grafana import Board, Panel, Query, Row
from dashboards.queries import quantiles, rate

PROCESSOR: Final = Board(
    "darkroom-processor",
    "Darkroom / Processor",
    "What does a picture cost?",
    [
        Row(
            "Time",
            [
                Panel(
                    "Time of each step",
                    "Half of the tasks take less.",
                    "s",
                    [
                        Query(
                            "histogram_quantile(0.5, sum by (le, step) (rate(darkroom_processor_step_seconds_bucket{$own}[$rate])))",
                            "{{step}}",
                        )
                    ],
                ),
                Panel(
                    "One in a hundred",
                    "The time that it exceeds, by step.",
                    "s",
                    [
                        Query(
                            "histogram_quantile(0.99, sum by (le, step) (rate(darkroom_processor_step_seconds_bucket{$own}[$rate])))",
                            "{{step}}",
                        )
                    ],
                ),
                Panel(
                    "Where time goes",
                    "Seconds of work a second, by step.",
                    "short",
                    [rate("darkroom_processor_step_seconds_sum", "step")],
                    stacked=True,
                ),
            ],
        ),
        Row(
            "Size",
            [
                Panel(
                    "Peak memory",
                    "Of a processor; the limit is processor.memoryLimit.",
                    "bytes",
                    quantiles("darkroom_processor_peak_memory_bytes"),
                ),
                Panel(
                    "Megapixels",
                    "Of sources.",
                    "short",
                    quantiles("darkroom_processor_megapixels"),
                ),
                Panel(
                    "Bytes",
                    "Read and written a second.",
                    "Bps",
                    [rate("darkroom_processor_bytes_total", "direction")],
                ),
            ],
        ),
        Row(
            "Formats",
            [
                Panel(
                    "Read",
                    "Sources a second, by format.",
                    "ops",
                    [rate("darkroom_processor_files_total", "format", '$own,direction="read"')],
                ),
                Panel(
                    "Written",
                    "Outputs a second, by format.",
                    "ops",
                    [rate("darkroom_processor_files_total", "format", '$own,direction="written"')],
                ),
            ],
        ),
    ],
)
