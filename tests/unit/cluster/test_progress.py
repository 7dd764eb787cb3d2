from darkroom_cluster import progress


def test_one_line_tells_of_all_that_runs() -> None:
    running = [("Building Kubernetes", 10.0), ("Building the image api", 40.0)]

    told = progress.line(running, 70.0, width=100)

    assert told == "Building Kubernetes ... 60s | Building the image api ... 30s"


def test_the_line_fits_the_terminal() -> None:
    running = [("Building a thing with a long name", 0.0)] * 4

    assert len(progress.line(running, 1000.0, width=60)) < 60
