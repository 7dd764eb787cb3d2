"""The questions that panels ask most."""

from dashboards.grafana import Query


def quantiles(metric: str, by: str = "", labels: str = "$own") -> list[Query]:
    """Ask for the median and for what one in a hundred exceeds."""
    group, legend = (f"le, {by}", f"{{{{{by}}}}} ") if by else ("le", "")
    return [
        Query(
            f"histogram_quantile({q / 100:g}, sum by ({group}) (rate({metric}_bucket{{{labels}}}[$rate])))",
            f"{legend}p{q}",
        )
        for q in (50, 99)
    ]


def rate(metric: str, by: str = "", labels: str = "$own") -> Query:
    """Ask how much of a counter there is in a second."""
    group = f" by ({by})" if by else ""
    legend = " ".join(f"{{{{{name.strip()}}}}}" for name in by.split(",")) if by else ""
    return Query(f"sum{group} (rate({metric}{{{labels}}}[$rate]))", legend)


def gauge(metric: str, by: str = "", labels: str = "$own") -> Query:
    """Ask for a gauge that is the same from every replica, or that one replica has."""
    group = f" by ({by})" if by else ""
    return Query(f"max{group} ({metric}{{{labels}}})", f"{{{{{by}}}}}" if by else "")
